"""How often the rules for refusals are wrong by the judge's labels."""

import argparse

import polars as pl

from warmline.lineage.script import Parser, run
from warmline.statistics.refusal_errors import errors
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.refusal_labels import REFUSAL_ERRORS, REFUSAL_LABELS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("labels", "labels of every arm, Parquet", several=True)
    parser.writes("errors", "the rates of error, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    labels = pl.concat(parquet_tables.read(path, REFUSAL_LABELS) for path in arguments.labels)
    csv_tables.write(errors(labels), REFUSAL_ERRORS, arguments.errors)


if __name__ == "__main__":
    run(build_parser(), main)
