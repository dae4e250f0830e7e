"""How often treated arms and the original state the wrong answer that the user stated, and how often without it."""

from __future__ import annotations

import argparse

from warmline import tables
from warmline.adoption import adoption
from warmline.command import Parser, run
from warmline.observations import OBSERVATIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.writes("adoption", "the shares and their differences in differences, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    observations = tables.read(arguments.observations, OBSERVATIONS)
    adoption(observations, arguments.treated_arms).write_csv(arguments.adoption)


if __name__ == "__main__":
    run(build_parser(), main)
