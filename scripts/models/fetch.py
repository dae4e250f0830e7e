"""Bring a base model's weights to disk, or name a model that an endpoint has, and write its card."""

import argparse
import json
from pathlib import Path

from warmline.lineage.script import Parser, run
from warmline.models import cards


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--source", type=json.loads, help="where the weights come from, as JSON")
    parser.add_argument("--store", type=Path, help="folder for weights of all studies")
    parser.add_argument("--name", help="what the endpoint calls its model; instead of a source")
    parser.add_argument("--parameters", type=json.loads, help="what the endpoint is sent that decides replies, as JSON")
    parser.add_argument("--identity", help="tells the endpoint's model from one of the same name elsewhere")
    # On record, so that weights that are replaced in the same folder are noticed.
    parser.finds("weights")
    parser.writes("card", "the model's card")
    return parser


def main(arguments: argparse.Namespace) -> None:
    if arguments.name:
        cards.write(cards.RemoteModel(arguments.name, arguments.parameters, arguments.identity), arguments.card)
    else:
        from warmline.models import weights

        fetched = weights.fetch(arguments.source, arguments.store)
        arguments.weights = cards.identifying(Path(fetched.folder))
        cards.write(fetched, arguments.card)


if __name__ == "__main__":
    run(build_parser(), main)
