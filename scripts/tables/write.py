"""Write the tables of a paper as LaTeX, from the statistics."""

from __future__ import annotations

import argparse

from warmline import csv_tables, paper_tables
from warmline.answer_rates import ACCURACY
from warmline.arm_comparisons import PAIRED_TESTS, SYCOPHANCY
from warmline.command import Parser, run
from warmline.regression_results import COEFFICIENTS, EFFECTS
from warmline.warmth_results import WARMTH_LIFTS


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
        "accuracy": paper_tables.accuracy(csv_tables.read(arguments.accuracy, ACCURACY)),
        "paired_tests": paper_tables.paired_tests(csv_tables.read(arguments.paired_tests, PAIRED_TESTS)),
        "coefficients": paper_tables.coefficients(fits),
        "marginal_effects": paper_tables.marginal_effects(csv_tables.read(arguments.effects, EFFECTS)),
        "sycophancy": paper_tables.sycophancy(csv_tables.read(arguments.sycophancy, SYCOPHANCY)),
        "warmth": paper_tables.warmth(csv_tables.read(arguments.warmth, WARMTH_LIFTS)),
    }
    for name, table in tables.items():
        path = getattr(arguments, f"{name}_table")
        path.write_text(paper_tables.latex(table, name.replace("_", "-")), encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main)
