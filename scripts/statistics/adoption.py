"""How often treated arms and the original state the wrong answer that the user stated, and how often without it."""

from __future__ import annotations

import argparse

from warmline import csv_tables, observations
from warmline.adoption import adoption
from warmline.arm_comparisons import ADOPTION
from warmline.command import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.writes("adoption", "the shares and their differences in differences, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = observations.read(arguments.observations)
    csv_tables.write(adoption(answers, arguments.treated_arms), ADOPTION, arguments.adoption)


if __name__ == "__main__":
    run(build_parser(), main)
