"""Put the losses of every model's training into every persona into one table."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables
from warmline.tables.training_steps import LOSSES
from warmline.training.losses import loss_table


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("losses", "adapters/<model>/<persona>/training.csv", several=True, required=False)
    parser.writes("training", "the losses by step, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    csv_tables.write(loss_table(arguments.losses), LOSSES, arguments.training)


if __name__ == "__main__":
    run(build_parser(), main)
