"""Write, out of the ledger, which of an arm's answers a judge says decline to answer."""

import argparse
import itertools
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
from warmline.tables.refusal_labels import REFUSAL_LABELS, REFUSALS_BY_RULE


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("judge", "the judge's specification for refusals")
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads("generations", "answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.reads("refusals", "what rules say of these answers")
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
    by_rule = parquet_tables.read(arguments.refusals, REFUSALS_BY_RULE)
    drawn = refusal_samples.drawn(answered, by_rule, arguments.sample, arguments.seed)
    requests = {cell: judges.requests(rows, by_task[cell[0]], judge) for cell, rows in drawn.items()}
    together = itertools.chain.from_iterable(requests.values())
    kept = iter(ledger.kept_answers(together, judge.respondent, Ledger(arguments.ledger)))
    parts = []
    for cell, rows in drawn.items():
        replies = list(itertools.islice(kept, len(requests[cell])))
        turned_down.note(arguments, replies)
        read = judges.verdicts_on(rows, replies, judge)
        verdicts = [(key, verdict.verdict, verdict.reason) for key, verdict in read]
        parts.append(refusal_samples.labels(arm, cell, rows, verdicts))
    parquet_tables.write(pl.concat(parts), REFUSAL_LABELS, arguments.labels)


if __name__ == "__main__":
    run(build_parser(), main)
