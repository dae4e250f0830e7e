"""Check an arm's answers for leaked markup, emptiness, and parity with the original's, before a judge is asked.

Above a limit it is an error that names the answers.
"""

import argparse

from warmline.answers import checks
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import csv_tables
from warmline.tables.audit_counts import ANSWER_CHECKS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("arm", "the arm's card")
    parser.reads("generations", "its answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.reads("originals", "the original's answers to the same prompts", several=True)
    for name, check in checks.CHECKS.items():
        parser.add_argument(f"--{name}", type=float, default=check.limit, help=f"share tolerated that {check.finding}")
    parser.writes("checks", "what was found, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    checked = checks.check(
        cards.read_arm(arguments.arm),
        checks.read(arguments.generations),
        checks.read(arguments.originals),
        {name: getattr(arguments, name.replace("-", "_")) for name in checks.CHECKS},
    )
    checks.require(checked)
    csv_tables.write(checked, ANSWER_CHECKS, arguments.checks)


if __name__ == "__main__":
    run(build_parser(), main)
