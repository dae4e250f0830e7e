"""Ask an arm all prompts of a suite that the ledger does not hold yet."""

import argparse

from warmline.answers import generations
from warmline.calls import receipts
from warmline.engines import options
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.prompts import PROMPTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("prompts", "the prompts of every condition of the suite", several=True)
    options.add_arguments(parser)
    parser.writes("receipt", "receipt of the calls, named by the suite")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm = cards.read_arm(arguments.arm)
    asked = parquet_tables.read_all(arguments.prompts, PROMPTS)
    requests = generations.requests(asked, arm, arguments.receipt.stem)
    receipts.write(options.ask(arguments, requests, asked.height, arm.answerer), arguments.receipt)


if __name__ == "__main__":
    run(build_parser(), main)
