"""Logistic regression of errors on one treated arm, the treatment's average marginal effects, and how they differ."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.regressions.logistic import coefficient_table, fit, regression_rows
from warmline.regressions.marginal_effects import FACTORS, corrected, joint_test, marginal_effects
from warmline.statistics.refusal_treatments import with_refusals
from warmline.tables import csv_tables
from warmline.tables.regression_results import COEFFICIENTS, JOINT_TESTS, MARGINAL_EFFECTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--arm", required=True, help="the treated arm, compared with original")
    parser.add_argument("--formula", required=True, help="such as 'incorrect ~ treated * C(context) + C(task)'")
    parser.add_argument("--beliefs", nargs="+", required=True, help="beliefs that the rows may have")
    parser.add_argument("--contexts", nargs="+", help="contexts that the rows may have; all if not given")
    parser.add_argument("--effects-by", choices=FACTORS, help="also one effect for each level of this factor")
    parser.add_argument("--task-order", nargs="+", required=True, help="all tasks, the reference first")
    parser.add_argument("--model-order", nargs="+", required=True, help="all models, the reference first")
    parser.writes("coefficients", "the coefficients, CSV")
    parser.writes("effects", "the average marginal effects in percentage points, CSV")
    parser.writes("joint-test", "whether they differ between levels at all, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    observations = reading.read(arguments.observations, [arguments.arm])
    reading.require(observations, arguments.observations, "belief", arguments.beliefs)
    reading.require(observations, arguments.observations, "context", arguments.contexts or [])
    rows = regression_rows(
        with_refusals(observations),
        arguments.arm,
        arguments.beliefs,
        arguments.contexts,
        task_order=arguments.task_order,
        model_order=arguments.model_order,
    )
    regression = fit(rows, arguments.formula)
    effects = corrected(marginal_effects(regression, arguments.effects_by))
    csv_tables.write(coefficient_table(regression), COEFFICIENTS, arguments.coefficients)
    csv_tables.write(effects, MARGINAL_EFFECTS, arguments.effects)
    csv_tables.write(joint_test(regression, arguments.effects_by), JOINT_TESTS, arguments.joint_test)


if __name__ == "__main__":
    run(build_parser(), main)
