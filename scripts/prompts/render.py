"""Render every question of a task under one condition."""

import argparse

from warmline.calls import templates
from warmline.design import conditions
from warmline.lineage.script import Parser, run
from warmline.prompts import contexts, rendering
from warmline.tables import parquet_tables
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("questions", "the task's questions")
    parser.reads("belief", "template of the belief")
    parser.reads("context", "the context's statements; left out for the unmodified context", required=False)
    parser.reads("framing", "the framing sentence; left out for plain conditions", required=False)
    parser.add_argument("--condition", required=True, type=conditions.parse, help="id of the condition")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.add_argument("--draw", choices=contexts.DRAWS, default=contexts.DRAWS[0], help="what a draw is for")
    parser.writes("prompts", "the prompts of the condition")
    return parser


def main(arguments: argparse.Namespace) -> None:
    rendered = rendering.render(
        parquet_tables.read(arguments.questions, QUESTIONS),
        arguments.condition,
        arguments.belief,
        contexts.read(arguments.context) if arguments.context else contexts.NOTHING_DISCLOSED,
        templates.render(arguments.framing) if arguments.framing else "",
        arguments.seed,
        arguments.draw,
    )
    parquet_tables.write(rendered, PROMPTS, arguments.prompts)


if __name__ == "__main__":
    run(build_parser(), main)
