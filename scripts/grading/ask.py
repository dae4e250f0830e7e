"""Ask the judge for a grade of every answer of an arm to the questions that the ledger does not hold yet.

Too large a share of unscored verdicts is an error: it would tell of the judge, not of the answers.
"""

import argparse

from warmline.grading import asking
from warmline.lineage.script import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    asking.add_arguments(parser)
    return parser


def main(arguments: argparse.Namespace) -> None:
    before = asking.judged_before(arguments)
    answered = asking.answers(path for path in arguments.generations if path not in before)
    asking.ask(arguments, {(path, asking.task_of(path)): rows for path, rows in answered.items()}, before.values())


if __name__ == "__main__":
    run(build_parser(), main)
