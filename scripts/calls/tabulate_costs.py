"""Add up what the study's model calls cost, a row for each job."""

import argparse
import json
from pathlib import Path

from warmline.calls import budget, costs, jobs
from warmline.calls.prices import Prices
from warmline.lineage import json_files
from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables
from warmline.tables.audit_counts import COSTS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("receipts", "rewrites/*.json, answers/<model>/<arm>/<suite>.json, grades/*/*/*.json", several=True)
    parser.add_argument("--rewriter", required=True, help="id of the model that rewrites")
    parser.add_argument("--judge", required=True, help="id of the model that grades, or reference")
    parser.add_argument("--prices", type=json.loads, default={}, help="prices by model, as the configuration has them")
    # No declared input: it changes with every call, and is asked for only when a receipt has changed.
    parser.add_argument("--spending", required=True, type=Path, help="folder where jobs keep what they spent")
    parser.writes("costs", "the table")
    return parser


def main(arguments: argparse.Namespace) -> None:
    receipts = {jobs.job_of(path): json_files.read(path) for path in arguments.receipts}
    table = costs.table(
        receipts,
        {jobs.REWRITING: arguments.rewriter, jobs.GRADES: arguments.judge},
        {model: Prices(**values) for model, values in arguments.prices.items()},
        budget.spent_by_job(arguments.spending),
    )
    csv_tables.write(table, COSTS, arguments.costs)


if __name__ == "__main__":
    run(build_parser(), main)
