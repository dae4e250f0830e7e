"""Bring a base model's weights to disk, or name a model that an endpoint has, and write its card."""

import argparse
import dataclasses
import json
from pathlib import Path

from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.models.chat_forms import FIRST_USER_TURN, of_endpoint


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--source", type=json.loads, help="where the weights come from, as JSON")
    parser.add_argument("--store", type=Path, help="folder for weights of all studies")
    parser.add_argument("--name", help="what the endpoint calls its model; instead of a source")
    parser.add_argument("--thinking", choices=["off", "on"], help="whether it is to think; else as its template has it")
    parser.add_argument("--system", choices=[FIRST_USER_TURN], help="where the text of a system turn goes")
    parser.add_argument("--parameters", type=json.loads, help="what the endpoint is sent that decides replies, as JSON")
    parser.add_argument("--identity", help="tells the endpoint's model from one of the same name elsewhere")
    # On record, so that weights that are replaced in the same folder are noticed.
    parser.finds("weights")
    parser.writes("card", "the model's card")
    return parser


def main(arguments: argparse.Namespace) -> None:
    thinking = {"off": False, "on": True}.get(arguments.thinking)
    if arguments.name:
        chat = of_endpoint(thinking, arguments.system)
        card = cards.RemoteModel(arguments.name, arguments.parameters, arguments.identity, chat)
        cards.write(card, arguments.card)
    else:
        from warmline.models import chat_templates, weights
        from warmline.training import masking

        fetched = weights.fetch(arguments.source, arguments.store)
        arguments.weights = cards.identifying(Path(fetched.folder))
        tokenizer = weights.load_tokenizer(fetched, chats=False)
        described = chat_templates.described(fetched, tokenizer, thinking, arguments.system)
        if tokenizer.chat_template:
            ends = weights.end_tokens(weights.generation_settings(fetched), tokenizer)
            by_reply = masking.is_reply_by_reply(tokenizer, described.chat, ends)
            described = dataclasses.replace(described, reply_by_reply=by_reply)
        cards.write(described, arguments.card)


if __name__ == "__main__":
    run(build_parser(), main)
