"""Lexical markers of each arm, per 100 words, and their lift over the original arm of the same model."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.markers import MARKERS
from warmline.tables.warmth_results import MARKER_LIFTS
from warmline.warmth import lift


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("markers", "the markers of each response, Parquet", several=True)
    parser.add_argument("--seed", required=True, type=int, help="decides the bootstrap's draws of prompts")
    parser.writes("summary", "mean rate and lift of each marker and arm, per 100 words, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    counted = parquet_tables.read_all(arguments.markers, MARKERS)
    lifts = lift.with_intervals(counted, "rate", arguments.seed, ["marker"])
    csv_tables.write(lifts, MARKER_LIFTS, arguments.summary)


if __name__ == "__main__":
    run(build_parser(), main)
