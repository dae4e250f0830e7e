"""Join an arm's prompts, answers and verdicts into observations."""

import argparse

import polars as pl

from warmline.answers import generations
from warmline.design import conditions
from warmline.grading import judges
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.observations import joining
from warmline.observations import reading as observations
from warmline.prompts import rendering
from warmline.questions import reading as questions
from warmline.tables import parquet_tables


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("prompts", "prompts: <folder>/<task>/<condition>.parquet", several=True)
    parser.reads("generations", "answers, in the order of the prompts", several=True)
    parser.reads("judgements", "verdicts, in the order of the prompts", several=True)
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.add_argument("--short-answers", nargs="*", default=[], help="the tasks whose answers are short")
    parser.writes("observations", "the arm's observations")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arm = cards.read_arm(arguments.arm)
    by_task = {path.stem: parquet_tables.read(path, questions.QUESTIONS) for path in arguments.questions}
    parts = [
        joining.observe(
            arm,
            asked.parent.name,
            conditions.parse(asked.stem),
            parquet_tables.read(asked, rendering.PROMPTS),
            parquet_tables.read(answered, generations.GENERATIONS),
            parquet_tables.read(judged, judges.JUDGEMENTS),
            by_task[asked.parent.name],
            asked.parent.name in arguments.short_answers,
        )
        for asked, answered, judged in zip(arguments.prompts, arguments.generations, arguments.judgements, strict=True)
    ]
    parquet_tables.write(pl.concat(parts), observations.OBSERVATIONS, arguments.observations)


if __name__ == "__main__":
    run(build_parser(), main)
