"""How fast adapters are trained at the article's settings, with chats packed and with chats padded.

The model has the shape of Llama-3.1-8B on a GPU and of SmolLM2-135M elsewhere, with random weights: what they are does
not change how long a step takes. LoRA has rank 8 on every linear layer; a step is 16 chats of at most 1,024 tokens, on
a CPU 4 of at most 256. The chats' lengths are drawn from a log-normal distribution, cut at the limit: median 68 % of
it, sigma 0.8. All ways go through `warmline.training.lora`; only collator and gradient checkpointing differ.

    python benchmarks/training_throughput.py
"""

from __future__ import annotations

import argparse
import contextlib
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import torch
from ceilings import matrix_rate
from model_shapes import LLAMA_8B, SMOLLM2_135M
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, LlamaConfig

from warmline.models.weights import default_device
from warmline.training import lora, masking, packing
from warmline.training.lora import Execution, Hyperparameters
from warmline.training.state import TrainingState

WARM_UP = 1
"""Steps that are not counted."""


def chats(count: int, limit: int, vocabulary: int) -> list[dict[str, list[int]]]:
    """Random chats, the later half of each to be learned."""
    drawn = random.Random(0)
    rows = []
    for _ in range(count):
        length = max(16, min(limit, round(limit * drawn.lognormvariate(-0.38, 0.8))))
        ids = [drawn.randrange(vocabulary) for _ in range(length)]
        rows.append({"input_ids": ids, "labels": [masking.IGNORED] * (length // 2) + ids[length // 2 :]})
    return rows


def floating_point_operations(config: LlamaConfig, parameters: int, trained: int, lengths: list[int]) -> float:
    """What a forward and a backward pass over chats of these lengths must compute.

    PaLM's formula (Chowdhery et al., 2022, appendix B), for adapters: a weight in a product takes 2 operations a token
    forward and 2 for the gradient of its input, and only a trained one 2 more for its own gradient; attention, half of
    it masked, takes 6 for each layer, head, dimension of a head, and pair of tokens of a chat. What is computed again
    under gradient checkpointing, and between chats or for padding, is no use and not counted.
    """
    tokens = sum(lengths)
    attention = 6 * config.num_hidden_layers * config.hidden_size * sum(length**2 for length in lengths)
    return 4 * parameters * tokens + 6 * trained * tokens + attention


def padded(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """The usual way: a row for each chat, filled up to the longest."""
    ids, labels = ([torch.tensor(row[name]) for row in rows] for name in ("input_ids", "labels"))
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=masking.IGNORED),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
    }


@contextlib.contextmanager
def padding() -> Iterator[None]:
    with mock.patch.object(packing, "collate", padded), mock.patch.object(packing, "require_isolation"):
        yield


def step_rates(
    model: Any, config: LlamaConfig, data: list[Any], settings: Hyperparameters, checkpointing: bool
) -> dict[str, float]:
    """Train adapters on the chats: useful tokens a second, share of padding, and operations a second, in 10^12."""
    with torch.device("meta"):
        shape: Any = AutoModelForCausalLM.from_config(config)
    # The last products with the embeddings are computed, looking embeddings up is not.
    looked_up = 0 if config.tie_word_embeddings else shape.get_input_embeddings().weight.numel()
    parameters = sum(weight.numel() for weight in shape.parameters()) - looked_up
    steps = len(data) // settings.batch
    with tempfile.TemporaryDirectory() as folder:
        state = TrainingState(Path(folder) / "state")
        log = lora.train(
            model, data, settings, {1.0: Path(folder) / "adapter"}, state, Execution(steps + 1, checkpointing)
        )
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    seconds = sum(step["seconds"] for step in log[WARM_UP:])
    # Half of every chat are target tokens, and no padding is.
    share = sum(step["target_tokens"] for step in log[WARM_UP:]) / sum(step["target_tokens"] for step in log)
    lengths = [len(row["input_ids"]) for row in data]
    work = share * floating_point_operations(config, parameters, trained, lengths)
    return {
        "tokens/s": sum(lengths) * share / seconds,
        "padding (%)": 100 * (1 - sum(lengths) / sum(step["tokens"] for step in log)),
        "TFLOP/s": work / seconds / 1e12,
    }


def settings(length: int, batch: int, micro_batch: int) -> Hyperparameters:
    """The article's, on chats of at most so many tokens."""
    return Hyperparameters(8, 16, 0.1, 1e-5, batch, micro_batch, length, seed=0)


def rows(device: torch.device, *, length: int, batch: int, micro_batch: int, steps: int) -> list[dict[str, Any]]:
    """One row a way of training: useful tokens a second, padding, operations a second, and these as a utilisation."""
    config, dtype = (LLAMA_8B, torch.bfloat16) if device.type == "cuda" else (SMOLLM2_135M, torch.float32)
    ceiling = matrix_rate(device, dtype) / 1e12
    data = chats(batch * (WARM_UP + steps), length, config.vocab_size)
    found = []
    for name, way, checkpointing in (
        ("padded", padding, False),
        ("packed", contextlib.nullcontext, False),
        ("packed, gradient checkpointing", contextlib.nullcontext, True),
    ):
        with device:
            model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)
        with way():
            rates = step_rates(model, config, data, settings(length, batch, micro_batch), checkpointing)
        found.append({"way": name, **rates, "of the device's (%)": 100 * rates["TFLOP/s"] / ceiling})
        del model
    return found


def main() -> None:
    device = default_device()
    gpu = device.type == "cuda"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=1024 if gpu else 256, help="tokens after which a chat is cut")
    parser.add_argument("--batch", type=int, default=16 if gpu else 4, help="chats a step")
    parser.add_argument("--micro-batch", type=int, default=4, help="chats that go through the model at once")
    parser.add_argument("--steps", type=int, default=4 if gpu else 2, help="steps that are counted")
    table = rows(device, **vars(parser.parse_args()))
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True):
        print(pl.DataFrame(table).with_columns(pl.selectors.float().round(3)))


if __name__ == "__main__":
    main()
