"""Ask the judge about an arm's answers what the ledger does not hold yet: measures, what no rule can read, refusals.

Too large a share of unscored verdicts is an error: it would tell of the judge, not of the answers.
"""

import argparse
import json

from warmline.grading import asking, capabilities, refusal_samples
from warmline.grading.asking import task_of
from warmline.lineage.script import Parser, run
from warmline.tables import parquet_tables
from warmline.tables.refusal_labels import REFUSALS_BY_RULE


def build_parser() -> Parser:
    parser = Parser(__doc__)
    asking.add_arguments(parser)
    parser.add_argument(
        "--criteria", type=json.loads, required=True, help="what is asked of the answers to each task, lists as JSON"
    )
    by_rule = "what rules for refusals say of these answers, where a sample is drawn"
    parser.reads("refusals", by_rule, several=True, required=False)
    parser.add_argument("--sample", type=int, help="answers that are drawn, if not all")
    parser.add_argument("--seed", type=int, help="seed of the study, for the draw")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answered = asking.answers(arguments.generations)
    if arguments.sample:
        cells = {(task_of(path), path.stem): frame for path, frame in answered.items()}
        by_rule = parquet_tables.read_all(arguments.refusals, REFUSALS_BY_RULE)
        drawn = refusal_samples.drawn(cells, by_rule, arguments.sample, arguments.seed)
        answered = {path: drawn[task_of(path), path.stem] for path in answered}
    criteria = [(path, name) for path in answered for name in arguments.criteria[task_of(path)]]
    asking.ask(arguments, {(path, name): capabilities.for_the_judge(answered[path], name) for path, name in criteria})


if __name__ == "__main__":
    run(build_parser(), main)
