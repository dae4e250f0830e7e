"""Tune a model at its endpoint on a persona's chats and name its checkpoints at each of a list of epochs."""

import argparse
import json
from pathlib import Path

import polars as pl

from warmline import cards, counts, csv_tables, digests, remote_tuning
from warmline.command import Parser, run
from warmline.engines.endpoint import Endpoint
from warmline.errors import UserError
from warmline.ledger import Ledger
from warmline.training_steps import ENDPOINT_STEPS


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
    parser.add_argument("--calls", required=True, choices=["ask", "replay"], help="replay: the ledger only")
    parser.writes("checkpoints", "the tuned models' names at the endpoint, by epoch")
    parser.writes("losses", "training loss by step of every run")
    parser.writes("counts", "chats trained on")
    return parser


def main(arguments: argparse.Namespace) -> None:
    base = cards.read_base(arguments.model)
    if not isinstance(base, cards.RemoteModel):
        raise UserError(f"{arguments.model}: {base.folder} are weights on disk, which scripts/training/train.py tunes.")
    chats = arguments.chats.read_bytes()
    tuning = remote_tuning.Tuning(
        base.name,
        digests.of_file(arguments.chats),
        arguments.batch_size,
        arguments.learning_rate_multiplier,
        arguments.seed,
    )
    ledger = Ledger(arguments.ledger)
    if arguments.calls == "replay":
        runs = remote_tuning.recall(tuning, arguments.epochs, ledger)
    else:
        endpoint = Endpoint.from_json(arguments.endpoint)
        runs = remote_tuning.tune(tuning, arguments.epochs, chats, arguments.suffix, endpoint, ledger)
    names = remote_tuning.names(runs, arguments.epochs)
    arguments.checkpoints.write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
    rows = [row for run in runs for row in run.loss_rows()]
    csv_tables.write(pl.DataFrame(rows, schema=ENDPOINT_STEPS.schema), ENDPOINT_STEPS, arguments.losses)
    counts.write(f"training, {arguments.label}: chats", {"kept": chats.count(b"\n")}, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
