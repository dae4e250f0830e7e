"""Compare the numbers, names and code of every kept rewriting with its original's."""

import argparse

from warmline.lineage.script import Parser, run
from warmline.rewriting import facts as fact_check
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.facts import FACTS
from warmline.tables.rewrites import REWRITES
from warmline.tables.rewriting_results import FACT_COUNTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("rewrites", "every reply beside its rewriting")
    parser.writes("facts", "facts kept, lost and added, by reply and kind")
    parser.writes("summary", "the same by kind, over all replies")
    return parser


def main(arguments: argparse.Namespace) -> None:
    facts = fact_check.check(parquet_tables.read(arguments.rewrites, REWRITES))
    parquet_tables.write(facts, FACTS, arguments.facts)
    csv_tables.write(fact_check.summarise(facts), FACT_COUNTS, arguments.summary)


if __name__ == "__main__":
    run(build_parser(), main)
