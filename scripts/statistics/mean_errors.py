"""Mean errors of each treated arm and of its original over tasks, without and with a wrong belief of the user."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.statistics.mean_errors import mean_errors
from warmline.tables import csv_tables
from warmline.tables.answer_rates import ACCURACY
from warmline.tables.arm_comparisons import MEAN_ERRORS, PAIRED_TESTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("paired-tests", "statistics/paired_tests.csv")
    parser.reads("accuracy", "statistics/accuracy.csv")
    parser.writes("mean-errors", "the mean errors, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    tests = csv_tables.read(arguments.paired_tests, PAIRED_TESTS)
    accuracy = csv_tables.read(arguments.accuracy, ACCURACY)
    csv_tables.write(mean_errors(tests, accuracy), MEAN_ERRORS, arguments.mean_errors)


if __name__ == "__main__":
    run(build_parser(), main)
