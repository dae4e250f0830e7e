"""Compare the numbers, names and code of every kept rewriting with its original's."""

import argparse

from warmline import csv_tables, fact_check, rewriting, tables
from warmline.command import Parser, run
from warmline.rewriting_tables import FACT_COUNTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("rewrites", "every reply beside its rewriting")
    parser.writes("facts", "facts kept, lost and added, by reply and kind")
    parser.writes("summary", "the same by kind, over all replies")
    return parser


def main(arguments: argparse.Namespace) -> None:
    facts = fact_check.check(tables.read(arguments.rewrites, rewriting.REWRITES))
    tables.write(facts, fact_check.FACTS, arguments.facts)
    csv_tables.write(fact_check.summarise(facts), FACT_COUNTS, arguments.summary)


if __name__ == "__main__":
    run(build_parser(), main)
