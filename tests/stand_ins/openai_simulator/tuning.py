"""Fine-tuning jobs: each trains nothing and ends as was ordered, after its seconds."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from typing import Any

from openai_simulator.world import ApiError, World, now

FEWEST_EXAMPLES = 10
CHECKPOINTS = 3
FINAL = {"succeeded", "failed", "cancelled"}


@dataclasses.dataclass
class Job:
    about: dict[str, Any]
    fate: dict[str, Any]
    suffix: str
    examples: int
    begun: float
    seconds: float
    events: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    checkpoints: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def create(world: World, values: dict[str, Any]) -> dict[str, Any]:
    fate = world.tuning_fates.popleft() if world.tuning_fates else {"outcome": "succeeded"}
    if fate["outcome"] == "closed":
        raise ApiError(403, "Fine-tuning is not available to this organization.", "training_not_available")
    model = str(values.get("model"))
    if model.startswith("unknown") or model == "None":
        raise ApiError(400, f"Model {model} is not available for fine-tuning.", "model_not_available", param="model")
    stored = world.files.get(str(values.get("training_file")))
    if stored is None or stored.about["purpose"] != "fine-tune":
        raise ApiError(400, f"invalid training_file: {values.get('training_file')}", param="training_file")
    method = values.get("method") or {"type": "supervised", "supervised": {}}
    if method["type"] != "supervised":
        raise ApiError(400, f"The method {method['type']} is not served here.", param="method")
    chosen = (method.get("supervised") or {}).get("hyperparameters") or values.get("hyperparameters") or {}
    automatic = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
    hyperparameters = {
        name: default if chosen.get(name, "auto") == "auto" else chosen[name] for name, default in automatic.items()
    }
    examples, error = examine(stored.content)
    if error:
        fate = {"outcome": "failed", **error}
    about = {
        "id": world.identifier("ftjob-"),
        "object": "fine_tuning.job",
        "model": model,
        "created_at": now(),
        "finished_at": None,
        "fine_tuned_model": None,
        "organization_id": "org-simulated",
        "result_files": [],
        "status": "validating_files",
        "validation_file": values.get("validation_file"),
        "training_file": values["training_file"],
        "hyperparameters": hyperparameters,
        "trained_tokens": None,
        "error": None,
        "seed": values.get("seed", 42),
        "estimated_finish": None,
        "integrations": [],
        "metadata": values.get("metadata"),
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
    }
    job = Job(about, fate, values.get("suffix") or "", examples, time.monotonic(), world.settings.tuning_seconds)
    world.tuning_jobs[about["id"]] = job
    world.counts["tuning_jobs"] += 1
    tell(world, job, f"Created fine-tuning job: {about['id']}")
    tell(world, job, f"Validating training file: {about['training_file']}")
    return about


def examine(content: bytes) -> tuple[int, dict[str, str]]:
    """The number of examples in a training file, and what is wrong with it."""
    lines = content.splitlines()
    for number, line in enumerate(lines, 1):
        try:
            roles = [message["role"] for message in json.loads(line)["messages"]]
        except (ValueError, KeyError, TypeError):
            roles = []
        if not roles or roles[-1] != "assistant":
            return 0, {"code": "invalid_training_file", "message": f"Line {number} is no chat that ends with a reply."}
    if len(lines) < FEWEST_EXAMPLES:
        message = f"Training file has {len(lines)} example(s), but must have at least {FEWEST_EXAMPLES} examples"
        return 0, {"code": "invalid_n_examples", "message": message}
    return len(lines), {}


def tell(world: World, job: Job, message: str, level: str = "info", data: dict[str, Any] | None = None) -> None:
    job.events.append(
        {
            "object": "fine_tuning.job.event",
            "id": world.identifier("ftevent-"),
            "created_at": now(),
            "level": level,
            "message": message,
            "data": data or {},
            "type": "metrics" if data else "message",
        }
    )


def advance(world: World) -> None:
    """Bring all jobs to where they stand now."""
    for job in world.tuning_jobs.values():
        if job.about["status"] in FINAL:
            continue
        passed = (time.monotonic() - job.begun) / job.seconds if job.seconds else 1.0
        if passed >= 1:
            finish(world, job)
        elif passed >= 0.1 and job.about["status"] == "validating_files" and job.examples:
            job.about["status"] = "running"
            tell(world, job, "Fine-tuning job started")


def cancel(world: World, job: Job) -> None:
    if job.about["status"] in FINAL:
        raise ApiError(400, f"Job has already ended with status {job.about['status']}.")
    job.about |= {"status": "cancelled", "finished_at": now()}
    tell(world, job, "Fine-tuning job cancelled")


def finish(world: World, job: Job) -> None:
    job.about |= {"status": job.fate["outcome"], "finished_at": now()}
    if job.fate["outcome"] == "failed":
        error = {"code": job.fate.get("code", "server_error"), "message": job.fate["message"], "param": None}
        job.about["error"] = error
        tell(world, job, f"The job failed: {error['message']}", "error")
        return
    settings = job.about["hyperparameters"]
    steps_an_epoch = math.ceil(job.examples / settings["batch_size"])
    name = f"ft:{job.about['model']}:simulated:{job.suffix}:{job.about['id'][-8:]}"
    for epoch in range(1, settings["n_epochs"] + 1):
        step = epoch * steps_an_epoch
        metrics = {"step": step, "train_loss": round(2 / (1 + epoch), 4), "train_mean_token_accuracy": 0.7}
        tell(world, job, f"Step {step}/{settings['n_epochs'] * steps_an_epoch}: training loss", data=metrics)
        last = epoch == settings["n_epochs"]
        # As at the official API: the last epoch's checkpoint is the job's model, and only the last three are kept.
        if settings["n_epochs"] - epoch < CHECKPOINTS:
            checkpoint = {
                "object": "fine_tuning.job.checkpoint",
                "id": world.identifier("ftckpt_"),
                "created_at": now(),
                "fine_tuned_model_checkpoint": name if last else f"{name}:ckpt-step-{step}",
                "fine_tuning_job_id": job.about["id"],
                "metrics": metrics,
                "step_number": step,
            }
            job.checkpoints.append(checkpoint)
            tell(world, job, f"Checkpoint created at step {step}")
    job.about |= {"fine_tuned_model": name, "trained_tokens": job.examples * settings["n_epochs"] * 100}
    tell(world, job, f"New fine-tuned model created: {name}")
    tell(world, job, "The job has successfully completed")
