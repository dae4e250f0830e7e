"""Asking a judge about answers, and giving up where it does not work: too many of its verdicts are none."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from warmline.calls import ask as calls
from warmline.calls import projected, receipts
from warmline.calls.requests import Request
from warmline.engines import options
from warmline.grading import judges
from warmline.grading.reference_engine import ReferenceEngine
from warmline.lineage.script import Parser
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.questions import QUESTIONS

Asked = Mapping[tuple[Path, str], pl.DataFrame]
"""The answers that are asked about, by their file and by what is asked of them (a criterion)."""


def add_arguments(parser: Parser) -> None:
    """Declare what every script takes that asks a judge about answers."""
    parser.reads("judges", "the judge's specification for every criterion: <folder>/<criterion>.json", several=True)
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads("generations", "answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.add_argument("--max-unscored", type=float, default=1.0, help="share of unscored verdicts that is tolerated")
    options.add_arguments(parser)
    parser.writes("receipt", "receipt of the calls")


def answers(paths: Iterable[Path]) -> dict[Path, pl.DataFrame]:
    """The answers of every file."""
    return {path: parquet_tables.read(path, GENERATIONS) for path in paths}


def task_of(generations: Path) -> str:
    """The task that answers are to, from the path of their file."""
    return generations.parent.name


def judged_before(arguments: argparse.Namespace) -> dict[Path, pl.DataFrame]:
    """The verdicts on the answers of each file that were written before and still hold, a table JUDGEMENTS each."""
    specified = {path.stem: path for path in arguments.judges}
    questions = {path.stem: path for path in arguments.questions}
    judge = judges.read_judge(arguments.judges[0])
    answered = options.ledger(arguments).answered(judge.respondent)
    found = {}
    for path in arguments.generations:
        inputs = [specified[task_of(path)], questions[task_of(path)], path]
        projection = options.projection(arguments, "project_grades", path)
        verdicts = projected.kept(projection, inputs, answered, "judge_key")
        if verdicts is not None:
            found[path] = verdicts
    return found


def ask(arguments: argparse.Namespace, asked: Asked, before: Collection[pl.DataFrame] = ()) -> None:
    """Have the judge asked what the ledger lacks, and write the receipt.

    `before` are tables of verdicts that need not be looked for. Raises UserError for too many unscored.
    """
    specified = judges.read_judges(arguments.judges)
    # One judge judges all of a study.
    judge = next(iter(specified.values()))
    ledger = options.ledger(arguments)
    by_task = {path.stem: parquet_tables.read(path, QUESTIONS) for path in arguments.questions}
    keys: dict[tuple[Path, str], list[str]] = {}

    def requests() -> Iterator[Request]:
        for (path, criterion), rows in asked.items():
            made = judges.requests(rows, by_task[task_of(path)], specified[criterion])
            keys[path, criterion] = [request.key(judge.respondent) for request in made]
            yield from made

    kept = [key for verdicts in before for key in projected.keys_in(verdicts, "judge_key")]
    if isinstance(judge, judges.ModelJudge):
        receipt = options.ask(arguments, requests(), sum(rows.height for rows in asked.values()), judge.model, kept)
    else:
        receipt = calls.ask(requests(), ReferenceEngine(judge.respondent), ledger, kept=kept)

    unscored = judges.Unscored()
    for verdicts in before:
        unscored.count(verdicts)
    known = ledger.answered(judge.respondent)
    for (path, criterion), rows in asked.items():
        responses = known.read(keys[path, criterion])
        replies = [(key, responses[key]) for key in keys[path, criterion]]
        unscored.count(judges.judgements(rows, replies, specified[criterion]))
    unscored.check(arguments.max_unscored, ledger.part(judge.respondent))
    receipts.write(receipt, arguments.receipt)
