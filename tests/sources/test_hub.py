"""A model of the Hugging Face hub goes the same way as any other, at a pinned commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, serving
from repository import REPOSITORY


@pytest.fixture
def hub(tiny_weights: Path) -> Iterator[str]:
    """The address of a hub that holds the tiny model."""
    with serving(tiny_weights, "org/tiny") as address:
        yield address


def fetch(folder: Path, source: dict[str, str], endpoint: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "scripts/models/fetch.py"), "--source", json.dumps(source)]
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(REPOSITORY / "scripts"),
    }
    return subprocess.run(
        [*command, "--store", "store", "--card", "card.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_hub_model_is_the_same_model_as_its_folder(tmp_path: Path, tiny_weights: Path, hub: str) -> None:
    result = fetch(tmp_path, {"hub": "org/tiny", "revision": COMMIT}, hub)
    assert result.returncode == 0, result.stderr
    fetched = json.loads((tmp_path / "card.json").read_text())
    assert fetch(tmp_path, {"folder": str(tiny_weights)}, hub).returncode == 0
    local = json.loads((tmp_path / "card.json").read_text())
    assert fetched["digest"] == local["digest"]
    assert fetched["folder"] == f"store/org--tiny-{COMMIT[:12]}"


def test_commit_that_the_hub_lacks_leaves_no_half_a_model(tmp_path: Path, hub: str) -> None:
    result = fetch(tmp_path, {"hub": "org/tiny", "revision": COMMIT[::-1]}, hub)
    assert result.returncode == 1
    assert result.stderr.startswith("error: org/tiny at ")
    assert not list((tmp_path / "store").glob("*"))
