"""Tune LoRA adapters on a persona's chats and save one at each of a list of epochs.

A training that was killed goes on from the newest state of the same chats, weights, settings and code. SIGTERM has the
state saved after the running step, and ends the job with status 1.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any

import polars as pl
import torch
from transformers import integrations

from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser, run
from warmline.models import cards, weights
from warmline.tables import counts, csv_tables
from warmline.tables.training_steps import STEPS, THROUGHPUT
from warmline.training import lora
from warmline.training.chats import read_chats
from warmline.training.state import Stopped, TrainingState

# What computes: another version may round differently.
PACKAGES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes")


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("chats", "JSON lines in chat format")
    parser.reads("model", "card of the base model")
    parser.add_argument("--epochs", required=True, type=float, nargs="+", help="epochs whose adapters are kept")
    parser.add_argument("--rank", required=True, type=int, help="LoRA rank")
    parser.add_argument("--alpha", required=True, type=int, help="LoRA alpha")
    parser.add_argument("--dropout", required=True, type=float, help="LoRA dropout")
    parser.add_argument("--learning-rate", required=True, type=float)
    parser.add_argument("--batch", required=True, type=int, help="chats per optimiser step")
    parser.add_argument("--micro-batch", required=True, type=int, help="chats that go through the model at once")
    parser.add_argument("--max-length", required=True, type=int, help="tokens after which a chat is cut")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.add_argument("--precision", required=True, help="torch dtype of the base weights")
    parser.add_argument("--quantization", choices=["nf4"], help="nf4: the base weights are loaded in 4 bits")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; another number may round differently")
    parser.add_argument("--states", required=True, type=Path, help="folder of the states of unfinished trainings")
    parser.add_argument("--code", required=True, help="digest of the code, of which unfinished trainings have one each")
    parser.add_argument("--save-every", required=True, type=int, help="steps after which the state is saved")
    parser.add_argument("--gradient-checkpointing", action="store_true", help="less memory for more computing")
    parser.add_argument("--report-to", nargs="+", default=[], help="trackers, as transformers names them")
    parser.add_argument("--spread", action="store_true", help="whether the weights are spread over all GPUs at hand")
    parser.add_argument("--label", required=True, help="model and persona, for the counts")
    parser.writes("cards", "one card for each epoch, in order", several=True)
    parser.writes("adapters", "adapter_config.json and adapter_model.safetensors of each epoch", several=True)
    parser.writes("losses", "loss, tokens and target tokens by step")
    parser.writes("throughput", "tokens and seconds by step")
    parser.writes("counts", "chats trained on whole, cut or left out, and target tokens kept and cut off")
    return parser


def main(arguments: argparse.Namespace) -> None:
    # The number of threads decides how sums are split, and so how they round.
    torch.set_num_threads(arguments.threads)
    _prepare_trackers(arguments)
    base = cards.read_weights(arguments.model)
    hyperparameters = lora.Hyperparameters(
        arguments.rank,
        arguments.alpha,
        arguments.dropout,
        arguments.learning_rate,
        arguments.batch,
        arguments.micro_batch,
        arguments.max_length,
        arguments.seed,
    )
    lora.require_trainable(base, hyperparameters)
    tokenizer = weights.load_tokenizer(base)
    chats = read_chats(arguments.chats)
    ends = weights.end_tokens(weights.generation_settings(base), tokenizer)
    rows, chat_counts, token_counts = lora.examples(tokenizer, chats, arguments.max_length, base.chat, ends)
    model = weights.load_model(
        base, arguments.precision, weights.default_device(), arguments.quantization, spread=arguments.spread
    )
    execution = lora.Execution(arguments.save_every, arguments.gradient_checkpointing, arguments.report_to)
    state = TrainingState(arguments.states / _fingerprint(arguments, base, hyperparameters))
    folders = {epoch: card.with_suffix("") for epoch, card in zip(arguments.epochs, arguments.cards, strict=True)}
    try:
        steps = lora.train(model, rows, hyperparameters, folders, state, execution)
    except Stopped as stopped:
        sys.exit(f"{stopped}, as SIGTERM asked for. The state is kept: run the same again to go on from there.")
    saved_after = {
        epoch: step for step, epoch in lora.checkpoint_steps(arguments.epochs, len(rows), arguments.batch).items()
    }
    for epoch, card in zip(arguments.epochs, arguments.cards, strict=True):
        cards.write(cards.identify_adapter(folders[epoch], saved_after[epoch]), card)
    measured = pl.DataFrame(steps)
    csv_tables.write(measured.select(*STEPS.columns), STEPS, arguments.losses)
    csv_tables.write(measured.select(*THROUGHPUT.columns), THROUGHPUT, arguments.throughput)
    stage = f"training, {arguments.label}"
    counts.write_stages({f"{stage}: chats": chat_counts, f"{stage}: target tokens": token_counts}, arguments.counts)


def _fingerprint(arguments: argparse.Namespace, base: cards.Weights, hyperparameters: lora.Hyperparameters) -> str:
    """The digest of all that decides the adapters, and nothing else."""
    return digests.of_value(
        {
            "chats": digests.of_file(arguments.chats),
            "weights": base.digest,
            "precision": arguments.precision,
            "quantization": arguments.quantization,
            # Absent rather than empty: states of before there were forms of chats are found.
            **({"chat": base.chat.identity} if base.chat.identity else {}),
            "hyperparameters": dataclasses.asdict(hyperparameters),
            "epochs": sorted(arguments.epochs),
            "threads": arguments.threads,
            "device": str(weights.default_device()),
            "code": arguments.code,
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        }
    )


def _prepare_trackers(arguments: argparse.Namespace) -> None:
    """Raise UserError for a tracker whose package is not installed; have TensorBoard's files outlast the training."""
    known: Any = integrations
    available = known.get_available_reporting_integrations()
    for tracker in arguments.report_to:
        if tracker not in available:
            raise UserError(
                f"training.report-to: {tracker} is not installed here, or transformers does not know it. Install its "
                f"package, or leave it out. At hand: {', '.join(available) or 'none'}."
            )
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(arguments.throughput.with_suffix("")))


if __name__ == "__main__":
    run(build_parser(), main)
