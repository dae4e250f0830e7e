"""Ask an arm all prompts of a suite that the ledger does not hold yet."""

import argparse
import itertools
from pathlib import Path

import polars as pl

from warmline.answers import generations
from warmline.calls import projected, receipts
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
    answered = options.ledger(arguments).answered(arm.answerer.respondent)
    kept: list[bytes] = []
    asked: list[pl.DataFrame] = []
    for path in arguments.prompts:
        table = Path(arm.model, arm.arm, path.parent.name, path.name)
        projection = options.projection(arguments, "project_answers", table)
        before = projected.kept(projection, [arguments.arm, path], answered, "answer_key")
        if before is None:
            asked.append(parquet_tables.read(path, PROMPTS))
        else:
            kept += projected.keys_in(before, "answer_key")
    suite, rows = arguments.receipt.stem, sum(prompts.height for prompts in asked)
    requests = itertools.chain.from_iterable(generations.requests(prompts, arm, suite) for prompts in asked)
    receipts.write(options.ask(arguments, requests, rows, arm.answerer, kept), arguments.receipt)


if __name__ == "__main__":
    run(build_parser(), main)
