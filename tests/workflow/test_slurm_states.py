"""Every state that slurm may give is one that the executor knows, and what ended a job is said with its remedy."""

from __future__ import annotations

import ast
import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin
from hypothesis import given
from hypothesis import strategies as st

from warmline.workflow import slurm_states
from warmline.workflow.slurm_states import Ended, States

KNOWN = {"COMPLETED", "PREEMPTED", "UNKNOWN", "NODE_FAIL", "RUNNING", "PENDING"}


def failing() -> set[str]:
    """The states that the executor takes for failures, by its source."""
    tree = ast.parse(inspect.getsource(plugin))
    lists = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and "fail_stati" in names(node)]
    return set(ast.literal_eval(lists[0]))


def names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("told", ["CANCELLED by 0", "CANCELLED by 1000", "CANCELLED", "CANCELLED+", "OUT_OF_MEMORY"])
def test_a_state_is_told_by_its_name(told: str) -> None:
    (state,) = States().told({"7": told}).values()
    assert state in failing()


@given(st.lists(st.dictionaries(st.sampled_from("123"), st.sampled_from(["RUNNING", "PREEMPTED", "PENDING"]))))
def test_a_preempted_job_is_over_once_it_has_been_so_three_looks_in_a_row(looks: list[dict[str, str]]) -> None:
    states = States()
    for at, look in enumerate(looks):
        for job, state in states.told(look).items():
            last = [each.get(job) for each in looks[max(at - 2, 0) : at + 1]]
            assert state == ("CANCELLED" if last == ["PREEMPTED"] * 3 else look[job])


def test_the_executor_still_needs_to_be_told() -> None:
    # When this fails, a new version compares states as `sacct` writes them: `mend` can go, and its call.
    source = inspect.getsource(plugin)
    assert "elif status in fail_stati" in source and 'startswith("CANCELLED' not in source


def test_what_the_executor_asks_for_is_mended_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        return (None, None) if command == "fails" else ({"7": "CANCELLED by 0"}, 0.1)

    monkeypatch.setattr(plugin, "query_job_status", ask)
    monkeypatch.delattr(plugin, "asked_by_warmline", raising=False)
    slurm_states.mend()
    mended = plugin.query_job_status
    slurm_states.mend()
    assert plugin.query_job_status is mended
    assert asyncio.run(mended("sacct", None)) == ({"7": "CANCELLED"}, 0.1)
    assert asyncio.run(mended("fails", None)) == (None, None)
    monkeypatch.delattr(plugin, "asked_by_warmline")


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (Ended("FAILED", ("FAILED", "OUT_OF_MEMORY"), 60, 3600, 2 * 2**30), "more memory than its 2.0 GiB. Raise"),
        # As a cluster without control groups has it.
        (Ended("FAILED", ("FAILED", "CANCELLED by 0"), 2, 600, 50 * 2**20, 306468 * 2**10), "needed more memory than"),
        (Ended("TIMEOUT", ("CANCELLED",), 3610, 3600), "ran out of its time, 1:00:00. Raise `hours`"),
        # It was warned, and ended by itself.
        (Ended("FAILED", ("FAILED",), 3485, 3600), "ran out of its time, 1:00:00. Raise `hours`"),
        (Ended("NODE_FAIL", (), 60, None), "lost its node"),
        (Ended("PREEMPTED", (), 60, None), "was preempted"),
        (Ended("DEADLINE", (), 60, None), "deadline"),
        (Ended("CANCELLED by 1000", ("CANCELLED",), 60, None), "was cancelled by user 1000. Run again"),
        (Ended("FAILED", ("FAILED",), 60, 3600, 2**30, 2**29), None),
    ],
)
def test_what_ended_a_job_is_told_with_the_remedy(ended: Ended, why: str | None) -> None:
    told = ended.why()
    assert told == why if why is None else why in str(told)


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [("1-02:03:04", 93784), ("00:20:00", 1200), ("20:00", 1200), ("UNLIMITED", None), ("Partition_Limit", None)],
)
def test_times_are_read_as_slurm_writes_them(clock: str, seconds: int | None) -> None:
    assert slurm_states.seconds(clock) == seconds


@pytest.mark.parametrize(
    ("written", "bytes"), [("306468K", 313823232), ("50M", 52428800), ("4Gn", 2**32), ("1.50G", 3 * 2**29), ("", None)]
)
def test_memory_is_read_as_slurm_writes_it(written: str, bytes: int | None) -> None:
    assert slurm_states.size(written) == bytes


def test_a_log_without_jobs_of_slurm_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    failed = "Error in rule ask_arm:\n    message: SLURM-job '7' failed, SLURM status is: 'FAILED'. Reason: Unknown.\n"
    assert slurm_states.of_failed("Error in rule ask_arm:\n    jobid: 3\n") == []
    # Nor one whose slurm is not there to be asked.
    assert slurm_states.of_failed(failed) == []
