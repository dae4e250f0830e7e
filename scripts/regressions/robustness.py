"""The effect of each treated arm over all rows of some regressions, estimated in other ways and from fewer answers."""

from __future__ import annotations

import argparse
import json

from warmline.lineage.script import Parser, run
from warmline.observations import reading
from warmline.regressions.robustness import robustness
from warmline.tables import csv_tables
from warmline.tables.regression_results import ROBUSTNESS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("observations", "the judged answers, Parquet")
    parser.add_argument("--treated-arms", nargs="*", default=[], help="the arms to compare with original")
    parser.add_argument("--regressions", required=True, type=json.loads, help="formula and rows by id, as JSON")
    parser.add_argument("--disinformation", nargs="*", default=[], help="tasks whose refusals the article calls right")
    parser.add_argument("--task-order", nargs="+", required=True, help="all tasks, the reference first")
    parser.add_argument("--model-order", nargs="+", required=True, help="all models, the reference first")
    parser.add_argument("--seed", required=True, type=int, help="decides the bootstrap's draws of questions")
    parser.writes("robustness", "the effects in percentage points, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    estimates = robustness(
        reading.read(arguments.observations, arguments.treated_arms),
        arguments.treated_arms,
        arguments.regressions,
        task_order=arguments.task_order,
        model_order=arguments.model_order,
        disinformation=arguments.disinformation,
        seed=arguments.seed,
    )
    csv_tables.write(estimates, ROBUSTNESS, arguments.robustness)


if __name__ == "__main__":
    run(build_parser(), main)
