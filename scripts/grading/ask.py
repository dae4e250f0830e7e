"""Ask the judge for a verdict on every answer of an arm to a suite that the ledger does not hold yet.

Too large a share of unscored verdicts is an error: it would tell of the judge, not of the answers.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from warmline.calls import ask, receipts
from warmline.calls.requests import Request
from warmline.engines import options
from warmline.grading import capabilities, judges, refusal_samples
from warmline.grading.reference_engine import ReferenceEngine
from warmline.lineage.script import Parser, run
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.questions import QUESTIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("judge", "the judge's specification")
    parser.reads("questions", "questions of every task: <folder>/<task>.parquet", several=True)
    parser.reads("generations", "answers: <folder>/<task>/<condition>.parquet", several=True)
    parser.add_argument(
        "--criteria",
        type=json.loads,
        default={},
        help="what is asked of the answers to each task, a list by task, as JSON; by default the task's own grade",
    )
    parser.add_argument("--sample", type=int, help="answers that are drawn by what rules for refusals say of them")
    parser.add_argument("--seed", type=int, help="seed of the study, for the draw")
    parser.add_argument("--max-unscored", type=float, default=1.0, help="share of unscored verdicts that is tolerated")
    options.add_arguments(parser)
    parser.writes("receipt", "receipt of the calls")
    return parser


def main(arguments: argparse.Namespace) -> None:
    judge = judges.read_judge(arguments.judge)
    ledger = options.ledger(arguments)
    by_task = {path.stem: parquet_tables.read(path, QUESTIONS) for path in arguments.questions}
    answered = {path: parquet_tables.read(path, GENERATIONS) for path in arguments.generations}
    if arguments.sample:
        cells = {(task_of(path), path.stem): frame for path, frame in answered.items()}
        drawn = refusal_samples.drawn(cells, arguments.sample, arguments.seed)
        answered = {path: drawn[task_of(path), path.stem] for path in answered}

    criteria = [(path, name) for path in answered for name in arguments.criteria.get(task_of(path), [task_of(path)])]
    asked_about = {(path, name): capabilities.for_the_judge(answered[path], name) for path, name in criteria}
    keys: dict[tuple[Path, str], list[str]] = {}

    def requests() -> Iterator[Request]:
        for path, criterion in criteria:
            asked = judges.requests(asked_about[path, criterion], by_task[task_of(path)], criterion, judge)
            keys[path, criterion] = [request.key(judge.respondent) for request in asked]
            yield from asked

    if isinstance(judge, judges.ModelJudge):
        rows = sum(frame.height for frame in asked_about.values())
        receipt = options.ask(arguments, requests(), rows, judge.model)
    else:
        receipt = ask.ask(requests(), ReferenceEngine(judge.respondent), ledger)

    unscored = judges.Unscored()
    known = ledger.answered(judge.respondent)
    for path, criterion in criteria:
        responses = dict(known.read(set(keys[path, criterion])))
        answers = [(key, responses[key]) for key in keys[path, criterion]]
        unscored.count(judges.judgements(asked_about[path, criterion], answers, criterion, judge))
    unscored.check(arguments.max_unscored, ledger.part(judge.respondent))
    receipts.write(receipt, arguments.receipt)


def task_of(generations: Path) -> str:
    """The task that answers are to, from the path of their file."""
    return generations.parent.name


if __name__ == "__main__":
    run(build_parser(), main)
