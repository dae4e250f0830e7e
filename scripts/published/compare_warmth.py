"""Put the warmth of models beside that of their counterparts in the article (Fig. 1a)."""

from __future__ import annotations

import argparse
import json

from warmline.lineage.script import Parser, run
from warmline.published import warmth
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_WARMTH
from warmline.tables.warmth_results import PUBLISHED_WARMTH, WARMTH_LIFTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("warmth", "statistics/warmth.csv")
    parser.reads("published", "the article's means and standard errors, CSV")
    parser.add_argument("--counterparts", required=True, type=json.loads, help="published name by model, as JSON")
    parser.add_argument("--personas", nargs="*", default=[], help="the personas that should be warm")
    parser.writes("comparison", "both curves, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    compared = warmth.compare(
        csv_tables.read(arguments.warmth, WARMTH_LIFTS),
        csv_tables.read(arguments.published, PRINTED_WARMTH),
        arguments.counterparts,
        arguments.personas,
    )
    csv_tables.write(compared, PUBLISHED_WARMTH, arguments.comparison)


if __name__ == "__main__":
    run(build_parser(), main)
