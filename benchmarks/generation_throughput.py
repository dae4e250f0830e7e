"""How many tokens of replies a second the transformers engine draws, against three other ways to generate.

- one by one: transformers' `generate`, a prompt at a time
- batches of 32: transformers' `generate` on left-padded batches, which wait for their longest reply, as inspect_ai does
- generate_batch: transformers' own continuous batching, sampling by one global seed
- this engine: warmline.engines.local.continuous_batch, every row with noise of its own

All take the same prompts, a study's, in the same random order, and sample at temperature 0.8. How long a reply is, is
drawn beforehand, since random weights never end: log-normal with a median of `--median` tokens and a sigma of 0.7, cut
at 300. A logits processor forbids the end before and forces it then; generate_batch, which lets a processor know no
row, is told each row's limit instead. Only tokens up to a reply's end count. The slower ways stop after `--seconds`, at
the end of a prompt or batch.

On a GPU the model has Llama-3.1-8B's shape, random weights and bfloat16; on a CPU it is the study's own. The shares are
of what the device can do: a pass reads all weights and the cache of its rows, and multiplies twice per parameter and
row (benchmarks/ceilings.py).

    python benchmarks/generation_throughput.py results/demo
    python benchmarks/generation_throughput.py results/demo --quick
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ceilings
import polars as pl
import torch
from model_shapes import LLAMA_8B
from transformers import (
    ContinuousBatchingConfig,
    GenerationConfig,
    LlamaForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    logging,
)

from warmline.calls.requests import Request, Sampling
from warmline.engines.local import continuous_batch
from warmline.engines.local.continuous_batch import ContinuousBatch, Prompt
from warmline.engines.local.row_sampling import RowSampler
from warmline.engines.local.transformers import encode
from warmline.models import cards, weights
from warmline.models.weights import end_tokens

LIMIT, TEMPERATURE, SIGMA, PLAIN = 300, 0.8, 0.7, 32


class Ends(LogitsProcessor):
    """Forbids the end of each row's reply before its length, and forces it then."""

    def __init__(self, lengths: Sequence[int], prompt_length: int, end: int, device: torch.device) -> None:
        self.lengths = torch.tensor(lengths, device=device)
        self.prompt_length = prompt_length
        self.end = end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return ended(scores, input_ids.shape[1] - self.prompt_length >= self.lengths - 1, self.end)


def ended(scores: torch.Tensor, now: torch.Tensor, end: int) -> torch.Tensor:
    """The scores with nothing but the end in the rows where it comes now, and without it in the others."""
    scores = torch.where(now[:, None], -torch.inf, scores)
    scores[:, end] = torch.where(now, 0.0, -torch.inf)
    return scores


def ending_sampler(lengths: Sequence[int], end: int) -> type[RowSampler]:
    """The engine's sampler with the same ends: a row's seed says which row it is."""

    class EndingSampler(RowSampler):
        def __call__(self, logits: torch.Tensor) -> torch.Tensor:
            wanted = torch.tensor(lengths, device=logits.device)[self._keys]
            return super().__call__(ended(logits, self._drawn >= wanted - 1, end))

    return EndingSampler


def one_by_one(model: Any, rows: list[Prompt], lengths: list[int], end: int) -> Iterator[int]:
    yield from plain(model, rows, lengths, end, size=1)


def plain(model: Any, rows: list[Prompt], lengths: list[int], end: int, size: int = PLAIN) -> Iterator[int]:
    """The tokens of each batch's replies up to their ends."""
    for first in range(0, len(rows), size):
        batch, wanted = rows[first : first + size], lengths[first : first + size]
        tokens = [[*row.shared, *row.own] for row in batch]
        longest = max(map(len, tokens))
        ids = torch.tensor([[end] * (longest - len(row)) + row for row in tokens], device=model.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in tokens], device=model.device)
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            top_p=1.0,
            max_new_tokens=LIMIT,
            eos_token_id=end,
            pad_token_id=end,
            logits_processor=LogitsProcessorList([Ends(wanted, longest, end, model.device)]),
        )
        replies = output[:, longest:].tolist()
        found = [reply.index(end) + 1 for reply in replies]
        assert found == wanted, (found, wanted)
        yield sum(found)


def transformers_continuous(model: Any, rows: list[Prompt], lengths: list[int], end: int) -> Iterator[int]:
    """The tokens that transformers' own continuous batching of all rows draws, as they come."""
    settings = GenerationConfig(
        do_sample=True, temperature=TEMPERATURE, top_k=0, top_p=1.0, max_new_tokens=LIMIT, eos_token_id=-1
    )
    blocks: dict[str, Any] = {} if model.device.type == "cuda" else {"num_blocks": 64, "max_batch_tokens": 512}
    manager: Any = model.continuous_batching_context_manager(
        generation_config=settings, continuous_batching_config=ContinuousBatchingConfig(**blocks)
    )
    drawn: dict[str, int] = {}
    with manager as started:
        for row, length in zip(rows, lengths, strict=True):
            started.add_request([*row.shared, *row.own], max_new_tokens=length, streaming=True)
        missing = len(rows)
        while missing:
            result = started.get_result(timeout=1)
            if result is not None:
                new = len(result.generated_tokens) - drawn.get(result.request_id, 0)
                drawn[result.request_id] = len(result.generated_tokens)
                missing -= result.is_finished()
                yield new
            elif not started.is_running():
                raise RuntimeError("generate_batch stopped before all rows were answered")


def engine(slots: int) -> Callable[[Any, list[Prompt], list[int], int], Iterator[int]]:
    """This engine with so many slots, on all rows."""

    def run(model: Any, rows: list[Prompt], lengths: list[int], end: int) -> Iterator[int]:
        continuous_batch.RowSampler = ending_sampler(lengths, end)  # type: ignore[attr-defined]
        by_room: dict[int, list[Prompt]] = {}
        for row in rows:
            by_room.setdefault(row.room, []).append(row)
        tokens = 0
        for room, alike in by_room.items():
            for prompt, reply in ContinuousBatch(model, slots, room, [end]).generate(alike):
                assert len(reply) == lengths[prompt.request.seed]
                tokens += len(reply)
        yield tokens

    return run


def measure(device: torch.device, batches: Iterator[int], seconds: float | None) -> tuple[int, float]:
    """Tokens and seconds of batches one after the other, until all are done or the time is over."""
    tokens = 0
    ceilings.wait(device)
    started = time.perf_counter()
    for batch in batches:
        tokens += batch
        if seconds and time.perf_counter() - started > seconds:
            break
    ceilings.wait(device)
    return tokens, time.perf_counter() - started


def most(model: Any, slots: int, columns: float, rates: tuple[float, float]) -> tuple[float, float]:
    """Tokens a second that the memory allows in batches of so many rows, and that the matrix products allow."""
    products, memory = rates
    config = model.config
    held = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * model.dtype.itemsize
    parameters = sum(parameter.numel() for parameter in model.parameters())
    read = parameters * model.dtype.itemsize + slots * columns * held
    return slots * memory / read, products / (2 * parameters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="folder of a finished study")
    parser.add_argument("--rows", type=int, help="prompts; by default 2,000 on a GPU and 96 on a CPU")
    parser.add_argument("--slots", type=int, help="rows at once in this engine; by default 512 and 32")
    parser.add_argument("--seconds", type=float, default=90, help="after which the slower ways stop")
    parser.add_argument("--median", type=float, default=100, help="tokens of a reply")
    parser.add_argument("--quick", action="store_true", help="a few short rows, to see that it works")
    arguments = parser.parse_args()
    device = weights.default_device()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    gpu = device.type == "cuda"
    slots = arguments.slots or (512 if gpu else 32)
    count = 12 if arguments.quick else arguments.rows or (2000 if gpu else 96)
    median = 8 if arguments.quick else arguments.median

    base = cards.read_weights(min((arguments.study / "models").glob("*.json")))
    tokenizer = weights.load_tokenizer(base)
    if gpu:
        torch.set_default_dtype(torch.bfloat16)
        with device:
            model: Any = LlamaForCausalLM(LLAMA_8B).eval()
        torch.set_default_dtype(torch.float32)
        ready = model
    else:
        model, ready = (weights.load_model(base, "float32", device) for _ in range(2))
        ready = weights.for_inference(ready)
    end = end_tokens(model, tokenizer)[0]

    draw = random.Random(0)
    asked = pl.concat([pl.read_parquet(path) for path in sorted((arguments.study / "prompts").glob("[!v]*/*.parquet"))])
    messages = asked["messages"].to_list()
    chosen = [draw.choice(messages) for _ in range(count)]
    rows = [encode(tokenizer, Request(chat, Sampling(TEMPERATURE, LIMIT), seed)) for seed, chat in enumerate(chosen)]
    lengths = [min(LIMIT, max(1, round(draw.lognormvariate(math.log(median), SIGMA)))) for _ in rows]

    rates = ceilings.matrix_rate(device, model.dtype), ceilings.bandwidth(device)
    prompt_lengths = [len(row.shared) + len(row.own) for row in rows]
    columns = sum(prompt_lengths) / count + sum(lengths) / count / 2
    name = torch.cuda.get_device_name(device) if gpu else "CPU, 1 thread"
    print(f"{name}: {rates[0] / 1e12:.3f} TFLOP/s, {rates[1] / 1e9:.1f} GB/s")
    for what, found_lengths in (("prompts", prompt_lengths), ("replies", lengths)):
        mean = sum(found_lengths) / count
        print(f"{count} {what} of {min(found_lengths)} to {max(found_lengths)} tokens, mean {mean:.0f}")
    print(f"{'way':<22}{'tokens':>9}{'seconds':>9}{'tokens/s':>10}{'ratio':>7}{'bandwidth':>11}{'products':>10}")
    found: dict[str, float] = {}
    ways: list[tuple[str, Any, Any, int]] = [
        (f"batches of {PLAIN}", plain, model, PLAIN),
        (f"this engine, {slots}", engine(slots), ready, slots),
        ("one by one", one_by_one, model, 1),
        ("generate_batch", transformers_continuous, model, slots),
    ]
    for label, way, asked_model, together in ways:
        measure(device, way(asked_model, rows[:2], [2, 2], end), None)
        tokens, seconds = measure(device, way(asked_model, rows, lengths, end), arguments.seconds)
        found[label] = tokens / seconds
        by_memory, by_products = most(model, together, columns, rates)
        print(
            f"{label:<22}{tokens:>9}{seconds:>9.1f}{found[label]:>10.1f}{found[label] / found[ways[0][0]]:>7.2f}"
            f"{found[label] / by_memory:>10.1%}{found[label] / by_products:>10.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
