"""Accuracy of each model and arm on each task, context, belief and framing."""

from __future__ import annotations

import argparse

from warmline import csv_tables, observations
from warmline.accuracy import accuracy_table
from warmline.answer_rates import ACCURACY
from warmline.command import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.writes("accuracy", "the accuracies, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    accuracies = accuracy_table(observations.read(arguments.observations))
    csv_tables.write(accuracies, ACCURACY, arguments.accuracy)


if __name__ == "__main__":
    run(build_parser(), main)
