"""Write the tables of a paper as LaTeX, from the statistics."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.report import latex
from warmline.tables import csv_tables
from warmline.tables.answer_rates import ACCURACY
from warmline.tables.arm_comparisons import PAIRED_TESTS, SYCOPHANCY
from warmline.tables.regression_results import COEFFICIENTS, EFFECTS
from warmline.tables.warmth_results import WARMTH_LIFTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("accuracy", "statistics/accuracy.csv")
    parser.reads("paired-tests", "statistics/paired_tests.csv")
    parser.reads("coefficients", "statistics/regressions/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("effects", "statistics/effects.csv")
    parser.reads("sycophancy", "statistics/sycophancy.csv")
    parser.reads("warmth", "statistics/warmth.csv")
    for name in ("accuracy", "paired-tests", "coefficients", "marginal-effects", "sycophancy", "warmth"):
        parser.writes(f"{name}-table", f"the table of {name.replace('-', ' ')}, LaTeX")
    return parser


def main(arguments: argparse.Namespace) -> None:
    fits = [(path.parent.name, path.stem, csv_tables.read(path, COEFFICIENTS)) for path in arguments.coefficients]
    tables = {
        "accuracy": latex.accuracy(csv_tables.read(arguments.accuracy, ACCURACY)),
        "paired_tests": latex.paired_tests(csv_tables.read(arguments.paired_tests, PAIRED_TESTS)),
        "coefficients": latex.coefficients(fits),
        "marginal_effects": latex.marginal_effects(csv_tables.read(arguments.effects, EFFECTS)),
        "sycophancy": latex.sycophancy(csv_tables.read(arguments.sycophancy, SYCOPHANCY)),
        "warmth": latex.warmth(csv_tables.read(arguments.warmth, WARMTH_LIFTS)),
    }
    for name, table in tables.items():
        path = getattr(arguments, f"{name}_table")
        path.write_text(latex.latex(table, name.replace("_", "-")), encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main)
