"""What a job that works with a model asks of a cluster, by the model's `size` (docs/hpc.md).

A job asks for the GPUs that its engine uses and no others: one for weights in the job itself, all that the size names
for weights that are spread over them or brought up by a server's command, and none for a model at an endpoint, for
comparison with reference answers, for answers out of the ledger, and for a model without a size. Memory and run time
grow with each attempt. None of this decides what a file holds, so it is resources, which make nothing stale.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

# For a small model on the CPU, and for jobs that hold no model.
MEMORY_GB, HOURS = 8, 4
# The Batch API answers within a day.
HOURS_AT_ENDPOINT = 24


@dataclasses.dataclass(frozen=True)
class Needs:
    """One attempt's GPUs, their model (None for any), memory of the machine in MB, and run time in minutes.

    Named as Snakemake and its slurm executor name them.
    """

    gpu: int
    gpu_model: str | None
    mem_mb: int
    runtime: int


def of_weights(config: Mapping[str, Any], model: str, attempt: int) -> Needs:
    """What a job needs that holds a model's weights itself, to tune them or to score texts."""
    settings = config["models"][model]
    return _sized(config, settings, attempt, all_gpus=settings.get("spread", False))


def of_calls(config: Mapping[str, Any], model: str | None, attempt: int) -> Needs:
    """What a job needs that asks a model; None for the reference judge, which is no model."""
    settings = config["models"][model] if model else {}
    if "endpoint" in settings:
        return _without_gpu(attempt, HOURS_AT_ENDPOINT)
    if not settings or config["calls"] == "replay":
        return _without_gpu(attempt, HOURS)
    return _sized(config, settings, attempt, all_gpus="serve" in settings or settings.get("spread", False))


def directive(needs: Callable[[Any, int], Needs]) -> dict[str, Callable[[Any, int], Any]]:
    """The entries of a rule's `resources:` from a function of a job's wildcards and attempt."""

    def entry(name: str) -> Callable[[Any, int], Any]:
        return lambda wildcards, attempt: getattr(needs(wildcards, attempt), name)

    return {field.name: entry(field.name) for field in dataclasses.fields(Needs)}


def refused(log: str) -> list[str]:
    """What to tell a user of the jobs that slurm refused for asking for more than any node has, from Snakemake's log.

    Slurm itself says that much and no more, and the command beside it has a thousand words.
    """
    asked: dict[str, str] = {}
    for error in re.split(r"^Error in (?=rule|group)", log, flags=re.MULTILINE)[1:]:
        rule = re.match(r"\w+ (\w+)", error)
        command = re.search(r"configuration is not available.*?^ +sbatch (--.*)$", error, re.DOTALL | re.MULTILINE)
        if rule and command:
            words = command[1].split(" --wrap", 1)[0]
            asked[rule[1]] = " ".join(re.findall(r"--(?:gpus|cpus-per-gpu|cpus-per-task|mem)[= ]\S+|-[pt] \S+", words))
    return [
        f"{rule}: slurm has no node for what its job asks for: {words}. Compare with `sinfo -o '%P %G %c %m'` "
        "(partition, GPUs, CPUs, MB), and lower `sizes` in the configuration or correct profiles/slurm/site.yaml."
        for rule, words in asked.items()
    ]


def _sized(config: Mapping[str, Any], settings: Mapping[str, Any], attempt: int, all_gpus: bool) -> Needs:
    if "size" not in settings:
        return _without_gpu(attempt, HOURS)
    size = config["sizes"][settings["size"]]
    return Needs(
        gpu=size["gpus"] if all_gpus else min(size["gpus"], 1),
        gpu_model=size.get("gpu-model") if size["gpus"] else None,
        mem_mb=round(1000 * size["memory"] * attempt),
        runtime=round(60 * size["hours"] * attempt),
    )


def _without_gpu(attempt: int, hours: float) -> Needs:
    return Needs(gpu=0, gpu_model=None, mem_mb=1000 * MEMORY_GB * attempt, runtime=round(60 * hours * attempt))
