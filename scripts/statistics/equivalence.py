"""Whether treated arms differ from the original by less than a margin: errors on questions, rates on capabilities."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.equivalence import equivalence
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.arm_comparisons import EQUIVALENCE
from warmline.tables.capabilities import CAPABILITIES


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.reads("capabilities", "the measures of each arm, if any", several=True, required=False)
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.add_argument("--margin", required=True, type=float, help="percentage points below which arms are alike")
    parser.writes("equivalence", "the tests, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = reading.read(arguments.observations, arguments.treated_arms)
    measured = parquet_tables.read_all(arguments.capabilities, CAPABILITIES)
    tested = equivalence(answers, measured, arguments.treated_arms, arguments.margin)
    csv_tables.write(tested, EQUIVALENCE, arguments.equivalence)


if __name__ == "__main__":
    run(build_parser(), main)
