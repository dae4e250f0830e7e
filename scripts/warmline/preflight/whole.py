"""All that is checked of a study."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from warmline.lineage.errors import NotHere, UserError
from warmline.preflight.findings import FAILS, FINE, Finding, finding
from warmline.sources import origins
from warmline.workflow.study import Study


def findings(study: Study, profile: Path | None, *, begun: bool = False) -> Iterator[Finding]:
    """A finding for each thing that the study needs. Calls are made last, and only if nothing else will fail.

    `profile` is that of a cluster, if there is one. With `begun` only what the study has not made yet is looked at.
    """

    def awaited(name: str) -> bool:
        return not (begun and os.path.exists(study.path(name)))

    tasks = [task for task in (*study.tasks, *study.capabilities) if awaited(f"questions/{task}.parquet")]
    used = [model for model in study.used_models() if awaited(f"models/{model}.json")]
    conversations = awaited("conversations/training.parquet")
    asked = used if study.config["calls"] != "replay" else []
    if not (tasks or used or conversations):
        return
    yield Finding("the configuration", FINE, "all that it uses is defined, and every file that it names is there")
    # These take seconds to import, which a study that is made need not wait for.
    from warmline.preflight import endpoints, machine, models, sources
    from warmline.sources import hub

    of_the_hub, failed = _names_hub(study, used), False
    reachable = not of_the_hub or hub.is_reachable()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)

        def of_this_machine() -> Iterator[Finding]:
            yield from endpoints.keys(study, asked)
            if study.config["calls"] == "replay":
                yield finding("the ledger", lambda: _replayed(Path(study.ledger)))
            if of_the_hub:
                yield finding("the token of the hub", _token)
            yield from machine.partitions(profile, study)
            yield machine.disk(lambda: sources.to_fetch(study) + models.to_fetch(study, used), reachable=reachable)
            for task in tasks:
                yield sources.questions(study, task, scratch, reachable=reachable)
            yield from models.findings(study, used, scratch, reachable=reachable)
            if conversations:
                yield sources.conversations(study, scratch, reachable=reachable)

        for found in of_this_machine():
            failed = failed or found.state == FAILS
            yield found
    if not failed:
        yield from endpoints.calls(study, asked)


def _replayed(ledger: Path) -> str:
    if not ledger.is_dir():
        raise UserError(
            f"{ledger} does not exist, and `calls: replay` takes every answer from there. Put it there, or ask."
        )
    return f"answers come from {ledger} alone"


def _token() -> str:
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise NotHere("HF_TOKEN is not set, which some models and data sets need, once their terms are accepted")
    return "HF_TOKEN is set"


def _names_hub(study: Study, models: list[str]) -> bool:
    weights = any("hub" in study.config["models"][model].get("source", {}) for model in models)
    return weights or any(map(origins.hub_files, origins.configured(study.config)))
