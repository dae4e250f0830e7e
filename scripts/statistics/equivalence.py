"""Whether treated arms differ from the original by less than a margin: errors on questions, rates on capabilities."""

from __future__ import annotations

import argparse

from warmline import csv_tables, observations, tables
from warmline.arm_comparisons import EQUIVALENCE
from warmline.capabilities import CAPABILITIES
from warmline.command import Parser, run
from warmline.equivalence import equivalence


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.reads("capabilities", "the measures of each arm, if any", several=True, required=False)
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.add_argument("--margin", required=True, type=float, help="percentage points below which arms are alike")
    parser.writes("equivalence", "the tests, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = observations.read(arguments.observations)
    measured = tables.read_all(arguments.capabilities, CAPABILITIES)
    tested = equivalence(answers, measured, arguments.treated_arms, arguments.margin)
    csv_tables.write(tested, EQUIVALENCE, arguments.equivalence)


if __name__ == "__main__":
    run(build_parser(), main)
