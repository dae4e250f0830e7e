"""Put a study's own differences beside the article's, where its models are the article's, and compare them."""

from __future__ import annotations

import argparse
import json

from warmline import csv_tables, published_comparison
from warmline.command import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("counts", "published/counts.csv")
    parser.reads("paired-tests", "statistics/paired_tests.csv")
    parser.add_argument("--counterparts", required=True, type=json.loads, help="published name by model, as JSON")
    parser.add_argument("--arms", nargs="+", required=True, help="the arms to put beside the article's warm models")
    parser.writes("cells", "the cells that both have, compared, CSV")
    parser.writes("numbers", "the summary numbers over these cells, compared, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    counts = csv_tables.read(arguments.counts, published_comparison.COUNTS)
    tests = csv_tables.read(arguments.paired_tests, published_comparison.TESTS)
    study = published_comparison.pooled(tests, arguments.counterparts, arguments.arms)
    published_comparison.cells(counts, study).write_csv(arguments.cells)
    published_comparison.numbers(counts, study).write_csv(arguments.numbers)


if __name__ == "__main__":
    run(build_parser(), main)
