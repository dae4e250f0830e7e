"""Choose a model's checkpoint by warmth alone: the first epoch on the plateau, by a rule fixed beforehand."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.warmth import WARMTH
from warmline.warmth import manipulation_check


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("warmth", "the warmth of the original and of every checkpoint", several=True)
    parser.reads("adapters", "cards of the checkpoints", several=True)
    parser.add_argument("--epochs", required=True, nargs="+", type=float, help="epochs, in the order of the cards")
    parser.add_argument("--persona", required=True, help="id of the persona")
    parser.add_argument("--direction", required=True, choices=["up", "down"], help="what it should do to warmth")
    parser.add_argument("--tolerance", required=True, type=float, help="share of the greatest lift")
    parser.writes("choice", "the card of the chosen checkpoint")
    return parser


def main(arguments: argparse.Namespace) -> None:
    warmth = parquet_tables.read_all(arguments.warmth, WARMTH)
    epoch, curve = manipulation_check.choose(warmth, arguments.persona, arguments.direction, arguments.tolerance)
    by_epoch = dict(zip(arguments.epochs, arguments.adapters, strict=True))
    choice = cards.ChosenCheckpoint(epoch, cards.read_adapter(by_epoch[epoch]), curve)
    cards.write(choice, arguments.choice)


if __name__ == "__main__":
    run(build_parser(), main)
