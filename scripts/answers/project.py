"""Write one condition's answers out of the ledger."""

import argparse
from pathlib import Path

from warmline.answers import generations
from warmline.calls import ledger, turned_down
from warmline.calls.ledger import Ledger
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.prompts import PROMPTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("prompts", "the prompts of the condition")
    parser.reads("receipt", "receipt of the calls, named by the suite")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.writes("generations", "the answers")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm = cards.read_arm(arguments.arm)
    asked = parquet_tables.read(arguments.prompts, PROMPTS)
    requests = generations.requests(asked, arm, arguments.receipt.stem)
    answers = ledger.kept_answers(requests, arm.answerer.respondent, Ledger(arguments.ledger))
    turned_down.note(arguments, answers)
    parquet_tables.write(
        generations.generations(asked, answers, arm.answerer.opens_thought), GENERATIONS, arguments.generations
    )


if __name__ == "__main__":
    run(build_parser(), main)
