"""How much more a user's wrong belief adds to the errors of treated arms than to those of the original."""

from __future__ import annotations

import argparse

from warmline import csv_tables, observations
from warmline.arm_comparisons import SYCOPHANCY
from warmline.command import Parser, run
from warmline.sycophancy import sycophancy


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.writes("sycophancy", "the differences in differences, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = observations.read(arguments.observations)
    csv_tables.write(sycophancy(answers, arguments.treated_arms), SYCOPHANCY, arguments.sycophancy)


if __name__ == "__main__":
    run(build_parser(), main)
