"""Exact McNemar tests of treated arms against the original, question by question, adjusted for their number."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.paired_tests import paired_tests
from warmline.tables import csv_tables
from warmline.tables.arm_comparisons import PAIRED_TESTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="+", required=True, help="the arms to compare with original")
    parser.writes("paired-tests", "the tests, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = reading.read(arguments.observations, arguments.treated_arms)
    csv_tables.write(paired_tests(answers, arguments.treated_arms), PAIRED_TESTS, arguments.paired_tests)


if __name__ == "__main__":
    run(build_parser(), main)
