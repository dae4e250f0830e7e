"""Have an LLM rewrite every assistant reply of the training conversations into a persona's style."""

import argparse

import polars as pl

from warmline.calls import ledger, receipts
from warmline.calls.ledger import Ledger
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Response, Sampling
from warmline.engines import options
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.rewriting import checks as rewrite_checks
from warmline.rewriting import replies as rewriting
from warmline.tables import counts, parquet_tables
from warmline.tables.messages import LABELLED
from warmline.tables.rewrites import REWRITES


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--persona", required=True, help="id of the persona, for the counts")
    parser.reads("training", "messages of the training conversations")
    parser.reads("template", "the persona's rewrite template")
    parser.reads("basis", "rewritings into another persona, to start from instead of the replies", required=False)
    parser.reads("rewriter", "card of the rewriting model")
    parser.add_argument("--precision", help="torch dtype of local weights, such as float32")
    parser.add_argument("--quantization", choices=["nf4"], help="nf4: local weights are loaded in 4 bits")
    parser.add_argument("--engine", required=True, choices=["transformers", "openai"], help="who asks the model")
    parser.add_argument("--temperature", required=True, type=float)
    parser.add_argument("--max-new-tokens", required=True, type=int, help="longest rewriting, in tokens")
    parser.add_argument("--attempts", required=True, type=int, help="times that a reply is asked for, if it fails")
    parser.add_argument("--length-ratio", required=True, type=float, nargs=2, help="bounds on rewriting over original")
    parser.add_argument(
        "--exclude", required=True, nargs="*", choices=rewrite_checks.CHECKS, help="checks that exclude"
    )
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    options.add_arguments(parser)
    parser.writes("rewrites", "every reply beside its rewriting")
    parser.writes("receipt", "receipt of the calls, of all attempts together")
    parser.writes("counts", "replies kept and left out, by reason")
    return parser


def main(arguments: argparse.Namespace) -> None:
    basis = parquet_tables.read(arguments.basis, REWRITES) if arguments.basis else None
    replies = rewriting.replies(parquet_tables.read(arguments.training, LABELLED), basis)
    sampling = Sampling(arguments.temperature, arguments.max_new_tokens)
    rewriter = cards.untuned(
        cards.read_base(arguments.rewriter), arguments.precision, arguments.engine, arguments.quantization
    )
    least, greatest = arguments.length_ratio
    checks = rewrite_checks.Checks(least, greatest, frozenset(arguments.exclude))
    receipt = Receipt()

    def rewrite(asked: pl.DataFrame, attempt: int) -> list[tuple[str, Response]]:
        nonlocal receipt
        requests = rewriting.requests(asked, arguments.template, sampling, arguments.seed, attempt)
        receipt += options.ask(arguments, requests, len(requests), rewriter)
        return ledger.kept_answers(requests, rewriter.respondent, Ledger(arguments.ledger))

    rewritten = rewriting.rewrite(replies, rewrite, arguments.attempts, checks, rewriter.opens_thought)
    parquet_tables.write(rewritten, REWRITES, arguments.rewrites)
    receipts.write(receipt, arguments.receipt)
    counts.write(f"rewriting, {arguments.persona}: replies", rewriting.reply_counts(rewritten), arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
