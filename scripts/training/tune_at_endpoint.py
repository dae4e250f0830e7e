"""Tune a model at its endpoint on a persona's chats and name its checkpoints at each of a list of epochs."""

import argparse
import json
from pathlib import Path

import polars as pl

from warmline.calls.ledger import Ledger
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import counts, csv_tables
from warmline.tables.training_steps import ENDPOINT_STEPS
from warmline.training import at_endpoint


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("chats", "JSON lines in chat format")
    parser.reads("model", "card of the base model")
    parser.add_argument("--epochs", required=True, type=int, nargs="+", help="epochs whose checkpoints are kept")
    parser.add_argument("--batch-size", required=True, type=int, help="chats per optimiser step")
    parser.add_argument("--learning-rate-multiplier", required=True, type=float, help="of the endpoint's own rate")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.add_argument("--label", required=True, help="model and persona, for the counts")
    parser.add_argument("--endpoint", required=True, type=json.loads, help="where the model is tuned, as JSON")
    parser.add_argument("--suffix", help="a part of the tuned models' names")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.add_argument(
        "--calls", required=True, choices=["ask", "ask-again", "replay"], help="replay: the ledger only"
    )
    parser.writes("checkpoints", "the tuned models' names at the endpoint, by epoch")
    parser.writes("losses", "training loss by step of every run")
    parser.writes("counts", "chats trained on")
    return parser


def main(arguments: argparse.Namespace) -> None:
    base = cards.read_base(arguments.model)
    if not isinstance(base, cards.RemoteModel):
        raise UserError(f"{arguments.model}: {base.folder} are weights on disk, which scripts/training/train.py tunes.")
    chats = arguments.chats.read_bytes()
    tuning = at_endpoint.Tuning(
        base.name,
        digests.of_file(arguments.chats),
        arguments.batch_size,
        arguments.learning_rate_multiplier,
        arguments.seed,
    )
    ledger = Ledger(arguments.ledger, arguments.written_by)
    if arguments.calls == "replay":
        runs = at_endpoint.recall(tuning, arguments.epochs, ledger)
    else:
        endpoint = Endpoint.from_json(arguments.endpoint)
        runs = at_endpoint.tune(tuning, arguments.epochs, chats, arguments.suffix, endpoint, ledger)
    names = at_endpoint.names(runs, arguments.epochs)
    arguments.checkpoints.write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
    rows = [row for run in runs for row in run.loss_rows()]
    csv_tables.write(pl.DataFrame(rows, schema=ENDPOINT_STEPS.schema), ENDPOINT_STEPS, arguments.losses)
    counts.write(f"training, {arguments.label}: chats", {"kept": chats.count(b"\n")}, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
