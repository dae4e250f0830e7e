"""Join an arm's prompts, answers and verdicts into observations."""

import argparse

import polars as pl

from warmline import cards, conditions, generations, judging, observations, observing, prompts, questions, tables
from warmline.command import Parser, run


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
    by_task = {path.stem: tables.read(path, questions.QUESTIONS) for path in arguments.questions}
    parts = [
        observing.observe(
            arm,
            asked.parent.name,
            conditions.parse(asked.stem),
            tables.read(asked, prompts.PROMPTS),
            tables.read(answered, generations.GENERATIONS),
            tables.read(judged, judging.JUDGEMENTS),
            by_task[asked.parent.name],
            asked.parent.name in arguments.short_answers,
        )
        for asked, answered, judged in zip(arguments.prompts, arguments.generations, arguments.judgements, strict=True)
    ]
    tables.write(pl.concat(parts), observations.OBSERVATIONS, arguments.observations)


if __name__ == "__main__":
    run(build_parser(), main)
