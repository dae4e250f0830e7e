"""Join an arm's prompts, answers and verdicts into observations."""

import argparse

import polars as pl

from warmline.design import conditions
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.observations import joining
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.judgements import JUDGEMENTS
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS
from warmline.tables.refusal_labels import REFUSAL_LABELS, REFUSALS_BY_RULE


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("prompts", "prompts: <folder>/<task>/<condition>.parquet", several=True)
    parser.reads("generations", "answers, in the order of the prompts", several=True)
    parser.reads("judgements", "verdicts, in the order of the prompts", several=True)
    parser.reads("refusals", "what rules say of the answers: which decline")
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads(
        "labels", "which answers the judge says decline, where it says so of all", several=True, required=False
    )
    parser.add_argument("--short-answers", nargs="*", default=[], help="the tasks whose answers are short")
    parser.writes("observations", "the arm's observations")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm = cards.read_arm(arguments.arm)
    by_task = {path.stem: parquet_tables.read(path, QUESTIONS) for path in arguments.questions}
    refusals = parquet_tables.read(arguments.refusals, REFUSALS_BY_RULE)
    labels = [parquet_tables.read(path, REFUSAL_LABELS) for path in arguments.labels or []]
    parts = [
        joining.observe(
            arm,
            asked.parent.name,
            conditions.parse(asked.stem),
            parquet_tables.read(asked, PROMPTS),
            parquet_tables.read(answered, GENERATIONS),
            parquet_tables.read(judged, JUDGEMENTS),
            refusals,
            by_task[asked.parent.name],
            asked.parent.name in arguments.short_answers,
        )
        for asked, answered, judged in zip(arguments.prompts, arguments.generations, arguments.judgements, strict=True)
    ]
    observed = pl.concat(parts)
    for labelled in labels:
        observed = joining.with_labels(observed, labelled)
    parquet_tables.write(observed, OBSERVATIONS, arguments.observations)


if __name__ == "__main__":
    run(build_parser(), main)
