"""A request is asked once, whoever needs it: subjects with the same weights, and studies at once on one ledger."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from repository import REPOSITORY
from study_copy import StudyCopy, calls_in, environment

ANSWERS = "results/tiny/answers/{model}/original/questions.json"
ROWS = 2 * 2 * 4
"""Questions, tasks and conditions of the tiny study."""


def keys(ledger: Path) -> list[str]:
    """The key of each answer in a ledger."""
    return [call["key"] for part in ledger.glob("*") for call in calls_in(part) if "response" in call]


def receipt(copy: StudyCopy, model: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((copy.folder / ANSWERS.format(model=model)).read_text())
    return content


@pytest.mark.long(30)
def test_two_subjects_with_the_same_weights_are_asked_once(study_copy: StudyCopy) -> None:
    def add_twin(config: dict) -> None:
        config["models"]["twin"] = config["models"]["tiny"]
        config["subjects"] = ["tiny", "twin"]

    study_copy.configure(add_twin)
    study_copy.run(*(ANSWERS.format(model=model) for model in ("tiny", "twin")))
    asked = keys(study_copy.folder / "results/ledger")
    assert len(asked) == len(set(asked)) == ROWS
    first, second = (receipt(study_copy, model) for model in ("tiny", "twin"))
    assert first["root"] == second["root"]
    assert first["this_run"]["new"] + second["this_run"]["new"] == ROWS


@pytest.mark.long(40)
def test_two_studies_at_once_on_one_ledger_ask_once(study_copy: StudyCopy, tmp_path: Path, tiny_weights: Path) -> None:
    copies = [study_copy, StudyCopy.create(REPOSITORY, tmp_path / "other", tiny_weights)]
    (tmp_path / "ledger").mkdir()
    for copy in copies:
        (copy.folder / "results").mkdir(exist_ok=True)
        os.symlink(tmp_path / "ledger", copy.folder / "results/ledger")
    command = StudyCopy.command(ANSWERS.format(model="tiny"))
    runs = [
        subprocess.Popen(
            command, cwd=copy.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for copy in copies
    ]
    for run in runs:
        said, _ = run.communicate()
        assert run.returncode == 0, said[-3000:]
    asked = keys(tmp_path / "ledger")
    assert len(asked) == len(set(asked)) == ROWS
    assert sum(receipt(copy, "tiny")["this_run"]["new"] for copy in copies) == ROWS
