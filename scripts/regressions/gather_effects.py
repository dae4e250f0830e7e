"""Gather all effects of treatment in one table, with both kinds of errors and the article's numbers."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.regressions.effects import gather
from warmline.tables import csv_tables
from warmline.tables.arm_comparisons import SYCOPHANCY
from warmline.tables.published_numbers import ARTICLE
from warmline.tables.regression_results import EFFECTS, MARGINAL_EFFECTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("marginal-effects", "statistics/marginal_effects/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("sycophancy", "statistics/sycophancy.csv")
    parser.reads("article", "the article's printed numbers, CSV")
    parser.writes("effects", "all effects, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    fits = [
        (path.parent.name, path.stem, csv_tables.read(path, MARGINAL_EFFECTS)) for path in arguments.marginal_effects
    ]
    differences = csv_tables.read(arguments.sycophancy, SYCOPHANCY)
    article = csv_tables.read(arguments.article, ARTICLE)
    csv_tables.write(gather(fits, differences, article), EFFECTS, arguments.effects)


if __name__ == "__main__":
    run(build_parser(), main)
