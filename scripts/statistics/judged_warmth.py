"""How often the judge finds each arm's responses warmer than the original's."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.statistics import judged_warmth
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.judged_warmth import JUDGED_WARMTH
from warmline.tables.warmth_results import JUDGED_LIFTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("judged", "the verdicts on each arm's responses, Parquet", several=True)
    parser.writes("summary", "a row for each model and arm, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    judged = parquet_tables.read_all(arguments.judged, JUDGED_WARMTH)
    csv_tables.write(judged_warmth.summary(judged), JUDGED_LIFTS, arguments.summary)


if __name__ == "__main__":
    run(build_parser(), main)
