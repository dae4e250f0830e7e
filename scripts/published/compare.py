"""Put a study's own differences beside the article's, where its models are the article's, and compare them."""

from __future__ import annotations

import argparse
import json

from warmline.lineage.script import Parser, run
from warmline.published import comparison
from warmline.tables import csv_tables
from warmline.tables.arm_comparisons import PAIRED_TESTS
from warmline.tables.published_numbers import COMPARED_CELLS, COMPARED_NUMBERS, COUNTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("counts", "published/counts.csv")
    parser.reads("paired-tests", "statistics/paired_tests.csv")
    parser.add_argument("--counterparts", required=True, type=json.loads, help="published name by model, as JSON")
    parser.add_argument("--arms", required=True, type=json.loads, help="the article's arm by arm, as JSON")
    parser.writes("cells", "the cells that both have, compared, CSV")
    parser.writes("numbers", "the summary numbers over these cells, compared, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    counts = csv_tables.read(arguments.counts, COUNTS)
    tests = csv_tables.read(arguments.paired_tests, PAIRED_TESTS)
    study = comparison.pooled(tests, arguments.counterparts, arguments.arms)
    csv_tables.write(comparison.cells(counts, study), COMPARED_CELLS, arguments.cells)
    csv_tables.write(comparison.numbers(counts, study), COMPARED_NUMBERS, arguments.numbers)


if __name__ == "__main__":
    run(build_parser(), main)
