"""Accuracy of each model and arm on each task, context, belief and framing."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.accuracy import accuracy_table
from warmline.tables import csv_tables
from warmline.tables.answer_rates import ACCURACY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.writes("accuracy", "the accuracies, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    accuracies = accuracy_table(reading.read(arguments.observations))
    csv_tables.write(accuracies, ACCURACY, arguments.accuracy)


if __name__ == "__main__":
    run(build_parser(), main)
