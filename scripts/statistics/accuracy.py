"""Accuracy of each model and arm on each task, context, belief and framing."""

from __future__ import annotations

import argparse

from warmline import observations
from warmline.accuracy import accuracy_table
from warmline.command import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.writes("accuracy", "the accuracies, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    accuracy_table(observations.read(arguments.observations)).write_csv(arguments.accuracy)


if __name__ == "__main__":
    run(build_parser(), main)
