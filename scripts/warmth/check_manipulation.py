"""Check whether each treatment of a model changed warmth as it should; a failed treatment is a result, not an error."""

from __future__ import annotations

import argparse
import json

from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.warmth import WARMTH
from warmline.tables.warmth_results import MANIPULATION_CHECK
from warmline.warmth import manipulation_check


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("warmth", "the warmth of every arm and checkpoint of the model", several=True)
    parser.add_argument("--arms", required=True, nargs="*", help="the treated arms that answer questions")
    parser.add_argument("--directions", required=True, type=json.loads, help="up, down or none by persona, as JSON")
    parser.add_argument("--tolerance", required=True, type=float, help="share of the greatest lift")
    parser.add_argument("--seed", required=True, type=int, help="decides the bootstrap's draws of prompts")
    parser.writes("check", "a verdict for each treated arm, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    warmth = parquet_tables.read_all(arguments.warmth, WARMTH)
    checked = manipulation_check.check(
        warmth, arguments.arms, arguments.directions, arguments.tolerance, arguments.seed
    )
    csv_tables.write(checked, MANIPULATION_CHECK, arguments.check)


if __name__ == "__main__":
    run(build_parser(), main)
