"""Ask the judge which of two responses is warmer, an arm's or the original's, for each validation prompt and order."""

import argparse

from warmline.calls import receipts
from warmline.calls.ledger import Ledger, kept_answers
from warmline.engines import options
from warmline.grading import judges
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.judged_warmth import JUDGED_WARMTH
from warmline.tables.prompts import PROMPTS
from warmline.warmth import judged as judged_warmth


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("judge", "the judge's specification for comparing warmth")
    parser.reads("prompts", "the validation prompts")
    parser.reads("arm", "the arm's card")
    parser.reads("generations", "the arm's responses")
    parser.reads("original", "the original's responses")
    parser.add_argument("--max-unscored", type=float, default=1.0, help="share of unscored verdicts that is tolerated")
    options.add_arguments(parser)
    parser.writes("judged", "the verdict on every pair in either order")
    parser.writes("receipt", "receipt of the calls")
    return parser


def main(arguments: argparse.Namespace) -> None:
    judge = judges.read_model_judge(arguments.judge)
    arm = cards.read_arm(arguments.arm)
    responses = (parquet_tables.read(path, GENERATIONS) for path in (arguments.generations, arguments.original))
    pairs = judged_warmth.pairs(parquet_tables.read(arguments.prompts, PROMPTS), *responses)
    requests = judged_warmth.requests(pairs, judge)
    receipt = options.ask(arguments, requests, len(requests), judge.model)
    ledger = Ledger(arguments.ledger)
    answers = kept_answers(requests, judge.respondent, ledger)
    judged = judged_warmth.judged(pairs, answers, judge, arm.model, arm.arm)
    unscored = judges.Unscored()
    unscored.count(judged.select("reason", "judge_key", verdict="warmer"))
    unscored.check(arguments.max_unscored, ledger.part(judge.respondent))
    parquet_tables.write(judged, JUDGED_WARMTH, arguments.judged)
    receipts.write(receipt, arguments.receipt)


if __name__ == "__main__":
    run(build_parser(), main)
