"""Rates of every arm on every capability, their differences from the original arm, and what could not be scored."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.statistics import capability_rates
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.answer_rates import CAPABILITY_RATES
from warmline.tables.audit_counts import STAGE_COUNTS
from warmline.tables.capabilities import CAPABILITIES


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("parts", "the measures of each arm", several=True)
    parser.writes("capabilities", "the rates, CSV")
    parser.writes("counts", "scored and unscored answers, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    measured = parquet_tables.read_all(arguments.parts, CAPABILITIES)
    csv_tables.write(capability_rates.rates(measured), CAPABILITY_RATES, arguments.capabilities)
    csv_tables.write(capability_rates.outcomes(measured), STAGE_COUNTS, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
