"""Measure an arm's answers to the capabilities: by rule, and out of the ledger where the judge was asked."""

import argparse
import json
from pathlib import Path

import polars as pl

from warmline.calls import ledger
from warmline.calls.ledger import Ledger
from warmline.grading import capabilities, judges
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.capabilities import CAPABILITIES
from warmline.tables.generations import GENERATIONS
from warmline.tables.questions import QUESTIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads("generations", "answers, in the order of the questions", several=True)
    parser.reads(
        "judges", "the judge's specification for every measure, where a model judges", several=True, required=False
    )
    parser.reads("grades", "receipt of the judge's calls", required=False)
    parser.add_argument("--measures", required=True, type=json.loads, help="a list for each task, as JSON")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.writes("capabilities", "the measures of every answer")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm = cards.read_arm(arguments.arm)
    specified = judges.read_judges(arguments.judges or ())
    parts = []
    for source, answers in zip(arguments.questions, arguments.generations, strict=True):
        asked, answered = (
            parquet_tables.read(source, QUESTIONS),
            parquet_tables.read(answers, GENERATIONS),
        )
        for measure in arguments.measures[source.stem]:
            verdicts = {}
            if judge := specified.get(measure):
                judged = capabilities.for_the_judge(answered, measure)
                requests = judges.requests(judged, asked, judge)
                replies = ledger.kept_answers(requests, judge.respondent, Ledger(arguments.ledger))
                read = judges.verdicts_on(judged, replies, judge)
                verdicts = dict(zip(judged["item"], read, strict=True))
            parts.append(capabilities.measured(arm, source.stem, measure, answered, asked, verdicts))
    parquet_tables.write(pl.concat(parts), CAPABILITIES, arguments.capabilities)


if __name__ == "__main__":
    run(build_parser(), main)
