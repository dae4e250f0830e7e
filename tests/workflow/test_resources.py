from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from warmline.workflow.resources import Needs, directive, of_calls, of_weights, refused

LARGE = {"gpus": 4, "gpu-model": "h100", "memory": 320.5, "hours": 1.5}
MODELS: dict[str, dict[str, Any]] = {
    "whole": {"batch-size": 8, "size": "large"},
    "spread": {"batch-size": 8, "size": "large", "spread": True},
    "served": {"serve": "vllm serve {model} --generation-config vllm --port {port}", "size": "large"},
    "unsized": {"batch-size": 8},
    "on-cpu": {"batch-size": 8, "size": "none"},
    "far": {"endpoint": "api"},
}
CONFIG = {
    "calls": "ask",
    "models": MODELS,
    "sizes": {"large": LARGE, "none": {"gpus": 0, "gpu-model": "h100", "memory": 4, "hours": 1}},
}


@pytest.mark.parametrize(
    ("model", "calls", "weights"),
    [("whole", 1, 1), ("spread", 4, 4), ("served", 4, 1), ("unsized", 0, 0), ("on-cpu", 0, 0)],
)
def test_a_job_asks_for_the_gpus_that_its_engine_uses(model: str, calls: int, weights: int) -> None:
    found = of_calls(CONFIG, model, 1), of_weights(CONFIG, model, 1)
    assert [needs.gpu for needs in found] == [calls, weights]
    assert [needs.gpu_model for needs in found] == ["h100" if gpus else None for gpus in (calls, weights)]


@pytest.mark.parametrize("model", ["far", None])
def test_what_answers_elsewhere_or_is_no_model_needs_no_gpu(model: str | None) -> None:
    assert of_calls(CONFIG, model, 1).gpu == 0
    assert of_calls(CONFIG, model, 1).gpu_model is None


def test_out_of_the_ledger_no_call_needs_a_gpu_but_weights_do() -> None:
    replay = {**CONFIG, "calls": "replay"}
    assert [of_calls(replay, model, 1).gpu for model in ("whole", "spread", "served")] == [0, 0, 0]
    assert of_weights(replay, "whole", 1).gpu == 1


def test_memory_and_time_grow_with_the_attempt_and_gpus_do_not() -> None:
    assert of_weights(CONFIG, "whole", 1) == Needs(1, "h100", 320_500, 90)
    assert of_weights(CONFIG, "whole", 2) == Needs(1, "h100", 641_000, 180)
    for model in ("unsized", "far"):
        first, third = of_calls(CONFIG, model, 1), of_calls(CONFIG, model, 3)
        assert (third.mem_mb, third.runtime) == (3 * first.mem_mb, 3 * first.runtime)


def test_a_batch_at_an_endpoint_may_take_its_day() -> None:
    assert of_calls(CONFIG, "far", 1).runtime == 24 * 60 > of_calls(CONFIG, None, 1).runtime


def test_a_rules_resources_are_those_of_its_job_and_attempt() -> None:
    entries = directive(lambda wildcards, attempt: of_calls(CONFIG, wildcards.model, attempt))
    found = {name: entry(SimpleNamespace(model="spread"), 2) for name, entry in entries.items()}
    assert found == {"gpu": 4, "gpu_model": "h100", "mem_mb": 641_000, "runtime": 180}


LOG = """\
Error in rule screen_conversations:
    message: SLURM-job '5' failed, SLURM status is: 'FAILED'.
    shell:
        python scripts/conversations/screen.py
Error in rule ask_arm:
    message: SLURM sbatch failed. The error message was 'sbatch: error: Batch job submission failed: {reason}'.
    sbatch call:
        sbatch --parsable --comment ask -p main -t 60 --mem 2000 --cpus-per-gpu=8 --gpus=h100:9 --wrap="python --mem 1"

    jobid: 3
"""


def test_a_job_that_no_node_can_hold_is_told_with_what_it_asks_for() -> None:
    log = LOG.format(reason="Requested node configuration is not available")
    (message,) = refused(log + log)
    asked = "-p main -t 60 --mem 2000 --cpus-per-gpu=8 --gpus=h100:9"
    assert message.startswith(f"ask_arm: slurm has no node for what its job asks for: {asked}. Compare with `sinfo")


def test_other_failures_are_left_to_speak_for_themselves() -> None:
    assert refused(LOG.format(reason="Invalid account or account/partition combination specified")) == []
    assert refused("") == []
