"""Refusals of each arm by task, context and belief, and what their treatment makes of the treated arms' errors."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.statistics.refusal_rates import refusal_table, sensitivity
from warmline.tables import csv_tables
from warmline.tables.answer_rates import REFUSALS
from warmline.tables.arm_comparisons import SENSITIVITY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.add_argument("--disinformation", nargs="*", default=[], help="tasks whose refusals the article calls right")
    parser.writes("refusals", "the rates, CSV")
    parser.writes("sensitivity", "the differences of error under each treatment of refusals, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answers = reading.read(arguments.observations, arguments.treated_arms)
    reading.require(answers, arguments.observations, "task", arguments.disinformation)
    csv_tables.write(refusal_table(answers), REFUSALS, arguments.refusals)
    compared = sensitivity(answers, arguments.treated_arms, arguments.disinformation)
    csv_tables.write(compared, SENSITIVITY, arguments.sensitivity)


if __name__ == "__main__":
    run(build_parser(), main)
