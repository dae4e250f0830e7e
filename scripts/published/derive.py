"""Derive the article's numbers from its published tables, by way of the counts behind them."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.published import numbers, reconstruction
from warmline.tables import csv_tables
from warmline.tables.published_numbers import ARTICLE, CELL_ERRORS, COUNTS, NUMBERS, PRINTED_CAPABILITIES, PRINTED_CELLS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("cells", "the article's table of tests, as printed")
    parser.reads("capabilities", "the article's table of capabilities, as printed")
    parser.reads("article", "the numbers in the article's text")
    parser.writes("counts", "the counts behind each cell, with exact p- and q-values, CSV")
    parser.writes("errors", "mean errors by belief and context, CSV")
    parser.writes("numbers", "the article's numbers beside the derived ones, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    cells = csv_tables.read(arguments.cells, PRINTED_CELLS)
    capabilities = csv_tables.read(arguments.capabilities, PRINTED_CAPABILITIES)
    article = csv_tables.read(arguments.article, ARTICLE)
    counts = reconstruction.reconstruct(cells)
    csv_tables.write(counts, COUNTS, arguments.counts)
    csv_tables.write(numbers.mean_errors(counts), CELL_ERRORS, arguments.errors)
    derived = numbers.derived(counts, capabilities)
    csv_tables.write(numbers.compared(article, derived), NUMBERS, arguments.numbers)


if __name__ == "__main__":
    run(build_parser(), main)
