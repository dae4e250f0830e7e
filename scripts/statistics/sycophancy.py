"""How much more a user's wrong belief adds to the errors of treated arms than to those of the original."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.sycophancy import sycophancy
from warmline.tables import csv_tables
from warmline.tables.arm_comparisons import SYCOPHANCY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.writes("sycophancy", "the differences in differences, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = reading.read(arguments.observations, arguments.treated_arms)
    csv_tables.write(sycophancy(answers, arguments.treated_arms), SYCOPHANCY, arguments.sycophancy)


if __name__ == "__main__":
    run(build_parser(), main)
