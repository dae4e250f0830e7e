"""Derive the article's numbers from its published tables, by way of the counts behind them."""

from __future__ import annotations

import argparse

from warmline.design.published_arms import COLD, WARM, WARM_PROMPT
from warmline.lineage.script import Parser, run
from warmline.published import numbers
from warmline.published.reconstruction import reconstruct
from warmline.tables import csv_tables
from warmline.tables.published_numbers import ARTICLE, CELL_ERRORS, COUNTS, NUMBERS, PRINTED_CAPABILITIES, PRINTED_CELLS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("cells", "the article's table of tests of warm models, as printed")
    parser.reads("cold-cells", "the same of cold models")
    parser.reads("prompt-cells", "the same of original models with a warm system prompt")
    parser.reads("capabilities", "the article's table of capabilities, as printed")
    parser.reads("article", "the numbers in the article's text")
    parser.writes("counts", "the counts behind each cell that tells them, and exact p- and q-values, CSV")
    parser.writes("errors", "mean errors by arm, belief and context, CSV")
    parser.writes("numbers", "the article's numbers beside the derived ones, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    printed = {WARM: arguments.cells, COLD: arguments.cold_cells, WARM_PROMPT: arguments.prompt_cells}
    capabilities = csv_tables.read(arguments.capabilities, PRINTED_CAPABILITIES)
    article = csv_tables.read(arguments.article, ARTICLE)
    counts = reconstruct({arm: csv_tables.read(path, PRINTED_CELLS) for arm, path in printed.items()})
    csv_tables.write(counts, COUNTS, arguments.counts)
    csv_tables.write(numbers.mean_errors(counts), CELL_ERRORS, arguments.errors)
    derived = numbers.derived(counts, capabilities)
    csv_tables.write(numbers.compared(article, derived), NUMBERS, arguments.numbers)


if __name__ == "__main__":
    run(build_parser(), main)
