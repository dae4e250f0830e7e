"""An interrupted run loses no answer: the next one continues from the ledger and asks no answered row again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_copy import StudyCopy, calls_in, environment

REPOSITORY = Path(__file__).resolve().parents[2]
RECEIPT = "results/tiny/answers/tiny/original/questions.json"
ROWS = 2 * 24 * 4


def longer(config: dict[str, Any]) -> None:
    """Enough rows and tokens that there is time to interrupt."""
    config["models"]["tiny"]["batch-size"] = 4
    config["answers"]["max-new-tokens"] = 64
    for task in config["tasks"].values():
        task["questions"] = 24


@pytest.fixture
def asking(study_copy: StudyCopy) -> Iterator[subprocess.Popen[bytes]]:
    """Snakemake in a process group of its own, some way into the calls of one arm."""
    study_copy.configure(longer)
    process = subprocess.Popen(
        study_copy.command(RECEIPT),
        cwd=study_copy.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(answered(study_copy)) < 8:
        assert process.poll() is None and time.monotonic() < deadline, "no calls were made"
        time.sleep(0.02)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answered(copy: StudyCopy) -> list[str]:
    """The keys of all complete lines of the ledger."""
    return [call["key"] for part in (copy.folder / "results/ledger").glob("*") for call in calls_in(part)]


def assert_next_run_continues(copy: StudyCopy) -> None:
    kept = answered(copy)
    assert 8 <= len(kept) < ROWS, "the interruption came too late to show anything"
    copy.run(RECEIPT)
    keys = answered(copy)
    assert len(keys) == len(set(keys)) == ROWS
    receipt = json.loads((copy.folder / RECEIPT).read_text())
    assert receipt["rows"] == ROWS
    assert receipt["this_run"]["new"] == ROWS - len(kept)
    assert receipt["this_run"]["from_ledger"] == len(kept)


@pytest.mark.long(40)
def test_killed_generation_job_loses_no_answer(study_copy: StudyCopy, asking: subprocess.Popen[bytes]) -> None:
    found = subprocess.run(["pgrep", "-g", str(asking.pid), "-f", "^python .*/answers/ask.py"], capture_output=True)
    jobs = [int(word) for word in found.stdout.split()]
    assert jobs
    for job in jobs:
        # Slurm's SIGTERM would end a shell between the two at once, and with it the job, while the script is saving.
        assert f"PPid:\t{asking.pid}\n" in Path(f"/proc/{job}/status").read_text()
        os.kill(job, signal.SIGKILL)
    assert asking.wait(60) != 0
    assert_next_run_continues(study_copy)


@pytest.mark.long(40)
def test_ctrl_c_loses_no_answer(study_copy: StudyCopy, asking: subprocess.Popen[bytes]) -> None:
    # A terminal sends the signal to every process in the foreground.
    os.killpg(asking.pid, signal.SIGINT)
    asking.wait(60)
    assert_next_run_continues(study_copy)
