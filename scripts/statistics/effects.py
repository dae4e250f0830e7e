"""Gather all effects of treatment in one table, with both kinds of errors and the article's numbers."""

from __future__ import annotations

import argparse

from warmline import csv_tables
from warmline.command import Parser, run
from warmline.effects import ARTICLE, DIFFERENCES, EFFECTS, gather


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("marginal-effects", "statistics/marginal_effects/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("sycophancy", "statistics/sycophancy.csv")
    parser.reads("article", "the article's printed numbers, CSV")
    parser.writes("effects", "all effects, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    fits = [(path.parent.name, path.stem, csv_tables.read(path, EFFECTS)) for path in arguments.marginal_effects]
    differences = csv_tables.read(arguments.sycophancy, DIFFERENCES)
    article = csv_tables.read_as_printed(arguments.article, ARTICLE)
    gather(fits, differences, article).write_csv(arguments.effects)


if __name__ == "__main__":
    run(build_parser(), main)
