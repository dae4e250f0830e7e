"""How often treated arms and the original state the wrong answer that the user stated, and how often without it."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.adoption import adoption
from warmline.tables import csv_tables
from warmline.tables.arm_comparisons import ADOPTION


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.writes("adoption", "the shares and their differences in differences, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = reading.read(arguments.observations, arguments.treated_arms)
    csv_tables.write(adoption(answers, arguments.treated_arms), ADOPTION, arguments.adoption)


if __name__ == "__main__":
    run(build_parser(), main)
