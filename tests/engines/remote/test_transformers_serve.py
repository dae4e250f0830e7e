"""The probe against `transformers serve`, a server that others wrote."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_model

from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Response, Sampling, Unanswerable
from warmline.engines.local.transformers import TransformersEngine
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.probe import probed
from warmline.engines.served.server import free_port, serve
from warmline.lineage.errors import UserError
from warmline.models.cards import LocalModel, RemoteModel

PROGRAM = Path(sys.executable).parent / "transformers"


@contextmanager
def served(folder: Path) -> Iterator[ChatEngine]:
    port = free_port()
    command = [PROGRAM, "serve", folder, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen(
        list(map(str, command)), env={**os.environ, "HF_HUB_OFFLINE": "1"}, stderr=subprocess.DEVNULL
    )
    try:
        endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", wait_seconds=300)
        yield ChatEngine(RemoteModel(str(folder)).respondent, str(folder), endpoint)
    finally:
        process.kill()
        process.wait()


def test_without_do_sample_it_is_found_to_be_greedy(tiny_weights: Path, tmp_path: Path) -> None:
    with (
        served(tiny_weights) as engine,
        pytest.raises(UserError, match=r"temperature: replies at temperature 1\.5 are"),
    ):
        probed(engine, Ledger(tmp_path), engine.endpoint.url, True, known=())


def test_with_do_sample_it_draws_as_it_is_told_to(tiny_weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_weights, tmp_path / "sampling")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "do_sample": True}))
    with served(folder) as engine:
        _, found = probed(engine, Ledger(tmp_path), engine.endpoint.url, True, known=())
    # It refuses parameters that it does not know, so that plain sampling cannot be put into words.
    assert (found.problems, found.taken, found.calls) == ({}, False, 6)


def test_a_prompt_that_is_too_long_is_turned_down_as_by_the_local_engine(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = LocalModel(tiny_model.card(tiny_weights), "float32", None, "openai")
    command = f"env HF_HUB_CACHE={tmp_path} {PROGRAM} serve {{model}} --host 127.0.0.1 --port {{port}} --device cpu"
    asked = [Request([{"role": "user", "content": text}], Sampling(0.0, 8), 1) for text in ("hello", "hello " * 1200)]
    with serve(command, model) as served:
        replied = list(ChatEngine(model.respondent, served.name, served.endpoint).answer(asked))
    (local,) = TransformersEngine(dataclasses.replace(model, engine="transformers"), 2).answer(asked[1:])
    (answer,) = (outcome for request, outcome in replied if request == asked[0])
    (refusal,) = (outcome for request, outcome in replied if request == asked[1])
    assert isinstance(answer, Response)
    assert refusal == local[1] == Unanswerable(refusal.reason, own=True)
