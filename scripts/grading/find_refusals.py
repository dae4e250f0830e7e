"""Write which of an arm's answers decline, by the article's rule and by a better one."""

import argparse

from warmline.grading import refusals
from warmline.lineage.script import Parser, run
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.refusal_labels import REFUSALS_BY_RULE


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("generations", "answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.writes("refusals", "what both rules say of each answer")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answered = {(path.parent.name, path.stem): parquet_tables.read(path, GENERATIONS) for path in arguments.generations}
    parquet_tables.write(refusals.by_rule(answered), REFUSALS_BY_RULE, arguments.refusals)


if __name__ == "__main__":
    run(build_parser(), main)
