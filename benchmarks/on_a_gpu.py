"""What an 8B model does on this machine's GPU: LoRA and QLoRA steps and answers, their speed and their memory.

The model has Llama-3.1-8B's shape and random weights, which are written to disk once (16 GB, in the folder of temporary
files) and loaded as a job loads them: in bfloat16, and in 4 bits (nf4), the one quantization that a study can choose.
Training goes through `warmline.training.lora` at the article's settings, 16 packed chats of at most 1,024 tokens a
step, with gradient checkpointing; answers come from the transformers engine, 128 tokens each. Each way has a process of
its own. It takes less than ten minutes where the disk gives 1 GB a second. Memory of the machine stands beside what a
job with a model of size `8b` asks for in config/paper.yaml. The share of the device's rate is of the matrix product
that benchmarks/ceilings.py measures, in bfloat16; for training it is the model FLOPs utilisation.

    python benchmarks/on_a_gpu.py
    python benchmarks/on_a_gpu.py --shape tiny     # to see on any machine that it works
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import torch
import yaml
from ceilings import matrix_rate
from model_shapes import LLAMA_8B, TINY
from training_throughput import WARM_UP, chats, settings, step_rates
from transformers import AutoModelForCausalLM, LlamaConfig

from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.local.transformers import TransformersEngine
from warmline.models import weights
from warmline.models.cards import LocalModel, Weights

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests/stand_ins"))

import tiny_model  # noqa: E402

SHAPES: dict[str, tuple[LlamaConfig, int, int, int]] = {"8b": (LLAMA_8B, 1024, 256, 128), "tiny": (TINY, 64, 4, 8)}
"""A configuration, the tokens after which a chat is cut, the rows that are answered at once, and a reply's tokens."""
WAYS = [(what, quantization) for what in ("training", "answers") for quantization in (None, "nf4")]
PRECISION = "bfloat16"
BATCH, MICRO_BATCH, STEPS = 16, 4, 4
ROUNDS = 4
"""Each row of the batch is answered so often; the first time is not counted."""
GIGABYTE = 1e9

T = TypeVar("T")


def write_weights(folder: Path, config: LlamaConfig) -> Weights:
    """A model of this shape with random weights, and a small tokenizer."""
    tiny_model.save(folder)
    with weights.default_device():
        model: Any = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, PRECISION))
    model.save_pretrained(folder, max_shard_size="100GB")
    return tiny_model.card(folder)


def training(base: Weights, quantization: str | None, shape: str) -> dict[str, float]:
    config, length, _, _ = SHAPES[shape]
    model = weights.load_model(base, PRECISION, weights.default_device(), quantization)
    data = chats(BATCH * (WARM_UP + STEPS), length, config.vocab_size)
    rates = step_rates(model, config, data, settings(length, BATCH, MICRO_BATCH), checkpointing=True)
    return {name: rates[name] for name in ("tokens/s", "TFLOP/s")}


def answers(base: Weights, quantization: str | None, shape: str) -> dict[str, float]:
    config, _, at_once, limit = SHAPES[shape]
    engine = TransformersEngine(LocalModel(base, PRECISION, quantization=quantization), at_once)
    tokens, ended = [], []
    for _, reply in engine.answer(questions(ROUNDS * at_once, limit)):
        assert isinstance(reply, Response)
        tokens.append(reply.completion_tokens)
        ended.append(time.perf_counter())
    rate = sum(tokens[at_once:]) / (ended[-1] - ended[at_once - 1])
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    return {"tokens/s": rate, "TFLOP/s": 2 * parameters * rate / 1e12}


def questions(number: int, limit: int) -> Iterator[Request]:
    for row in range(number):
        text = "Which of the two rivers is the longer one, and how was that found out? " * 4
        yield Request([{"role": "user", "content": f"{row:06}. {text}"}], Sampling(0.7, limit), seed=row)


def measured(what: str, quantization: str | None, base: Weights, shape: str) -> dict[str, float]:
    """A way's rates and its memory at most, in GB; in a process of its own."""
    # As the engine has it; on a busy CPU threads wait for each other.
    torch.set_num_threads(1)
    work = {"training": training, "answers": answers}[what]
    rates = work(base, quantization, shape)
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    # In kilobytes, on Linux.
    machine = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**rates, "GPU's memory (GB)": device / GIGABYTE, "machine's memory (GB)": machine / GIGABYTE}


def alone(work: Callable[..., T], *arguments: Any) -> T:
    """What work comes to in a new process, whose memory is then free again."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    shape = parser.parse_args().shape
    device = weights.default_device()
    if shape == "8b" and device.type != "cuda":
        sys.exit("torch sees no GPU on this machine, so that nothing was measured. Run this where there is one.")
    ceiling = matrix_rate(device, getattr(torch, PRECISION)) / 1e12
    asked = yaml.safe_load((REPOSITORY / "config/paper.yaml").read_text())["sizes"]["8b"]["memory"]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    table, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        base = alone(write_weights, Path(folder), SHAPES[shape][0])
        for what, quantization in WAYS:
            way = f"{what}, {quantization or PRECISION}"
            print(way, file=sys.stderr, flush=True)
            try:
                found = alone(measured, what, quantization, base, shape)
            except Exception as error:
                failed.append(f"{way}: {type(error).__name__}: {error}")
                continue
            share = 100 * found["TFLOP/s"] / ceiling
            table.append({"way": way, **found, "asked for (GB)": float(asked), "of the device's rate (%)": share})
    print(f"{name}, {ceiling:.1f} TFLOP/s; shape {shape}")
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True):
        print(pl.DataFrame(table).with_columns(pl.selectors.float().round(2)))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
