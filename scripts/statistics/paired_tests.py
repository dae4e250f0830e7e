"""Exact McNemar tests of treated arms against the original, question by question, adjusted for their number."""

from __future__ import annotations

import argparse

from warmline import csv_tables, observations
from warmline.arm_comparisons import PAIRED_TESTS
from warmline.command import Parser, run
from warmline.paired_tests import paired_tests


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="+", required=True, help="the arms to compare with original")
    parser.writes("paired-tests", "the tests, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = observations.read(arguments.observations)
    csv_tables.write(paired_tests(answers, arguments.treated_arms), PAIRED_TESTS, arguments.paired_tests)


if __name__ == "__main__":
    run(build_parser(), main)
