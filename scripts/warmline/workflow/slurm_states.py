"""What slurm says of jobs, in the words that Snakemake's executor waits for, and that a user can act on.

snakemake-executor-plugin-slurm 2.8.0 compares states with bare names, and waits for a job of any other state for ever.
`sacct` says by whom a job was cancelled ("CANCELLED by 1000"). And a job that is preempted on a cluster that cancels
such jobs is over, for which the plugin waits as for one that goes back into the queue. Of a job that failed it says no
more than that: a job that is told two minutes ahead that its time is up ends by itself, as FAILED.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

PLUGIN = "snakemake_executor_plugin_slurm"
CANCELLED, PREEMPTED, OUT_OF_MEMORY, TIMEOUT = "CANCELLED", "PREEMPTED", "OUT_OF_MEMORY", "TIMEOUT"
NODE = ("NODE_FAIL", "BOOT_FAIL")
LOOKS = 3
"""A job that goes back into the queue is seen there after a look or two, which are 20 seconds apart or more."""
WARNED = 120
"""Seconds before its time is up, a job is told to end (profiles/slurm/config.yaml)."""
FIELDS = ("State", "Elapsed", "Timelimit", "ReqMem", "MaxRSS")


class States:
    """The states of a run's jobs, look by look."""

    def __init__(self) -> None:
        self._preempted: Counter[str] = Counter()

    def told(self, states: Mapping[str, str]) -> dict[str, str]:
        """The states of jobs, by their ids, as the executor knows them."""
        named = {job: bare(state) for job, state in states.items()}
        preempted = {job for job, state in named.items() if state == PREEMPTED}
        self._preempted = Counter({job: self._preempted[job] + 1 for job in preempted})
        over = {job for job, looks in self._preempted.items() if looks >= LOOKS}
        return {job: CANCELLED if job in over else state for job, state in named.items()}


def bare(state: str) -> str:
    """The name of a state, without who brought it about, and though it is cut."""
    return (state.split() or [""])[0].rstrip("+")


def mend() -> None:
    """Have the executor told so, in a process that has loaded it."""
    plugin = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin, "asked_by_warmline"):
        return
    plugin.asked_by_warmline = ask = plugin.query_job_status  # type: ignore[attr-defined]
    seen = States()

    async def query_job_status(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await ask(command, logger)
        return (None if states is None else seen.told(states)), seconds

    plugin.query_job_status = query_job_status  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Ended:
    """A job that did not end well: its state and those of its steps; the seconds that it ran, and might have run; the
    memory that it asked for and the most that a step took, in bytes, as far as they are known."""

    state: str
    steps: tuple[str, ...]
    elapsed: int
    limit: int | None
    asked: int | None = None
    taken: int | None = None

    def why(self) -> str | None:
        """What ended it and what to do; None where slurm knows no more than that it failed."""
        states = {bare(state) for state in (self.state, *self.steps)}
        # Where the cluster watches memory by looking, nothing but the numbers tells.
        if OUT_OF_MEMORY in states or (self.asked and self.taken and self.taken > self.asked):
            had = f"its {self.asked / 2**30:.1f} GiB" if self.asked else "it had"
            return f"needed more memory than {had}. Raise `memory` of its model's size"
        if TIMEOUT in states or (self.limit is not None and self.elapsed >= self.limit - WARNED):
            return f"ran out of its time, {_clock(self.limit or self.elapsed)}. Raise `hours` of its model's size"
        if states & {*NODE}:
            return "lost its node. Run again; if it happens again, tell who runs the cluster"
        if PREEMPTED in states:
            return "was preempted, and the cluster does not put such jobs back. Choose a partition without preemption"
        if "DEADLINE" in states:
            return "could not have ended before its deadline. Ask for less time, or for none"
        if bare(self.state) == CANCELLED:
            return f"was {self.state.lower().replace('cancelled by', 'cancelled by user')}. Run again"
        return None


def of_failed(log: str) -> list[str]:
    """What to tell a user of each job of slurm that failed, from Snakemake's log, as far as slurm knows more."""
    told: dict[str, None] = {}
    for rule, job in _failed(log):
        ended = _by_accounting(job) or _by_controller(job)
        if ended and (why := ended.why()):
            told[f"{rule}: slurm's job {job} {why}."] = None
    return list(told)


def _failed(log: str) -> Iterator[tuple[str, str]]:
    for error in re.split(r"^Error in (?=rule|group)", log, flags=re.MULTILINE)[1:]:
        rule, job = re.match(r"\w+ (\w+)", error), re.search(r"SLURM-job '(\d+)\S*' failed", error)
        if rule and job:
            yield rule[1], job[1]


def _by_accounting(job: str) -> Ended | None:
    text = _said(["sacct", "-j", job, "--parsable2", "--noheader", f"--format={','.join(FIELDS)}"])
    rows = [dict(zip(FIELDS, row, strict=True)) for row in csv.reader(text.splitlines(), delimiter="|")]
    if not rows:
        return None
    job_itself, *steps = rows
    return Ended(
        job_itself["State"],
        tuple(step["State"] for step in steps),
        seconds(job_itself["Elapsed"]) or 0,
        seconds(job_itself["Timelimit"]),
        size(job_itself["ReqMem"]),
        max((size(step["MaxRSS"]) or 0 for step in steps), default=None),
    )


def _by_controller(job: str) -> Ended | None:
    words = dict(word.split("=", 1) for word in _said(["scontrol", "show", "job", job, "-o"]).split() if "=" in word)
    if "JobState" not in words:
        return None
    elapsed, limit = seconds(words.get("RunTime", "")), seconds(words.get("TimeLimit", ""))
    return Ended(words["JobState"], (), elapsed or 0, limit, size(words.get("MinMemoryNode", "")))


def _said(command: list[str]) -> str:
    """What slurm says; nothing where it cannot."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""


def seconds(clock: str) -> int | None:
    """The seconds of a time as slurm writes it, such as 1-02:00:00; None for one without an end."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", clock)
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def size(written: str) -> int | None:
    """The bytes of an amount of memory as slurm writes it, such as 306468K or 50M; None for none."""
    found = re.fullmatch(r"([0-9.]+)([KMGT]?)[nc]?", written)
    return round(float(found[1]) * 1024 ** " KMGT".index(found[2] or " ")) if found else None


def _clock(number: int) -> str:
    hours, rest = divmod(number, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
