"""Make prompts of the first user messages of the validation conversations."""

import argparse

from warmline.lineage.script import Parser, run
from warmline.prompts import rendering
from warmline.tables import parquet_tables
from warmline.tables.messages import LABELLED
from warmline.tables.prompts import PROMPTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("validation", "messages of the validation conversations")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.writes("prompts", "the validation prompts")
    return parser


def main(arguments: argparse.Namespace) -> None:
    messages = parquet_tables.read(arguments.validation, LABELLED)
    parquet_tables.write(rendering.validation(messages, arguments.seed), PROMPTS, arguments.prompts)


if __name__ == "__main__":
    run(build_parser(), main)
