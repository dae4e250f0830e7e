"""Write the card of a model that an endpoint has tuned, for one epoch."""

import argparse

from warmline.lineage import json_files
from warmline.lineage.script import Parser, run
from warmline.models import cards


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("checkpoints", "the tuned models' names at the endpoint, by epoch")
    parser.add_argument("--epoch", required=True, help="the epoch to take")
    parser.writes("card", "card of the tuned model")
    return parser


def main(arguments: argparse.Namespace) -> None:
    names = json_files.read(arguments.checkpoints)
    cards.write(cards.RemoteModel(names[arguments.epoch]), arguments.card)


if __name__ == "__main__":
    run(build_parser(), main)
