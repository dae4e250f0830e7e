"""Let a model's questions be asked if each of its treatments changed warmth as it should; it is an error otherwise."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables
from warmline.tables.warmth_results import GATE, MANIPULATION_CHECK
from warmline.warmth import manipulation_check


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("check", "the verdict on each treated arm of the model, CSV")
    parser.writes("gate", "the verdicts alone, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    checked = csv_tables.read(arguments.check, MANIPULATION_CHECK)
    manipulation_check.require(checked)
    csv_tables.write(checked.select(*GATE.columns), GATE, arguments.gate)


if __name__ == "__main__":
    run(build_parser(), main)
