"""Write one condition's verdicts out of the ledger."""

import argparse
from pathlib import Path

from warmline.calls import ledger, turned_down
from warmline.calls.ledger import Ledger
from warmline.grading import judges
from warmline.lineage.script import Parser, run
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.judgements import JUDGEMENTS
from warmline.tables.questions import QUESTIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("judge", "the judge's specification for the task")
    parser.reads("questions", "the task's questions")
    parser.reads("generations", "the answers: <folder>/<task>/<condition>.parquet")
    parser.reads("receipt", "receipt of the judge's calls")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.writes("judgements", "the verdicts")
    return parser


def main(arguments: argparse.Namespace) -> None:
    judge = judges.read_judge(arguments.judge)
    answered = parquet_tables.read(arguments.generations, GENERATIONS)
    asked = parquet_tables.read(arguments.questions, QUESTIONS)
    requests = judges.requests(answered, asked, judge)
    answers = ledger.kept_answers(requests, judge.respondent, Ledger(arguments.ledger))
    turned_down.note(arguments, answers)
    parquet_tables.write(judges.judgements(answered, answers, judge), JUDGEMENTS, arguments.judgements)


if __name__ == "__main__":
    run(build_parser(), main)
