"""Write, out of the ledger, which of an arm's answers a judge says decline to answer."""

import argparse
from pathlib import Path

import polars as pl

from warmline.calls import ledger, turned_down
from warmline.calls.ledger import Ledger
from warmline.grading import judges, refusal_samples
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.questions import QUESTIONS
from warmline.tables.refusal_labels import REFUSAL_LABELS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("judge", "the judge's specification for refusals")
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads("generations", "answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.reads("receipt", "receipt of the judge's calls")
    parser.add_argument("--sample", type=int, help="answers that are labelled; all by default")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.writes("labels", "the labels")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm, judge = cards.read_arm(arguments.arm), judges.read_judge(arguments.judge)
    by_task = {path.stem: parquet_tables.read(path, QUESTIONS) for path in arguments.questions}
    answered = {(path.parent.name, path.stem): parquet_tables.read(path, GENERATIONS) for path in arguments.generations}
    parts = []
    for cell, rows in refusal_samples.drawn(answered, arguments.sample, arguments.seed).items():
        requests = judges.requests(rows, by_task[cell[0]], judge)
        replies = ledger.kept_answers(requests, judge.respondent, Ledger(arguments.ledger))
        turned_down.note(arguments, replies)
        read = judges.verdicts_on(rows, replies, judge)
        verdicts = [(key, verdict.verdict, verdict.reason) for key, verdict in read]
        parts.append(refusal_samples.labels(arm, cell, rows, verdicts))
    parquet_tables.write(pl.concat(parts), REFUSAL_LABELS, arguments.labels)


if __name__ == "__main__":
    run(build_parser(), main)
