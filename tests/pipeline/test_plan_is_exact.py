"""`warmline plan` after an edit says how many rows the run then asks, before anything of it is built."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openai_simulator.client import Simulator
from printed_plan import plan, rows
from study_copy import StudyCopy

Counts = Counter[tuple[str, str, str]]

ARMS = ("original", "warm-prompt")
JUDGE = {"model": "far", "prompts": "config/prompts/judge", "reply": "schema", "temperature": 0}
ASKING = [
    *("observations.parquet", "statistics/capabilities.csv"),
    *(f"refusals/far/{arm}.parquet" for arm in ARMS),
    *(f"generations/far/{arm}/validation/unmodified.none.plain.parquet" for arm in ARMS),
]
"""All that models are asked for, and tables of their answers and verdicts."""


def config_at(url: str) -> Callable[[dict[str, Any]], None]:
    def configure(config: dict[str, Any]) -> None:
        config["arms"] = list(ARMS)
        config["endpoints"] = {"api": {"url": url, "mode": "chat"}}
        config["models"]["far"] = {"endpoint": "api", "name": "large"}
        config["subjects"] = ["far"]
        config["judge"] = {**JUDGE, "max-new-tokens": 200, "max-unscored": 1.0, "refusals": 6}
        config["figures"] = {}

    return configure


def edit(name: str, change: Callable[[str], str]) -> Callable[[StudyCopy], None]:
    def edit(copy: StudyCopy) -> None:
        path = copy.folder / name
        text = path.read_text()
        path.write_text(change(text))
        assert path.read_text() != text

    return edit


def configure(*keys: str, to: Any) -> Callable[[StudyCopy], None]:
    def configure(copy: StudyCopy) -> None:
        def change(config: dict[str, Any]) -> None:
            for key in keys[:-1]:
                config = config[key]
            config[keys[-1]] = to

        copy.configure(change)

    return configure


def longer(text: str) -> str:
    return text.rstrip("\n") + " Be brief.\n"


WORDS = {
    "a statement": edit("config/prompts/contexts/sad.yaml", lambda text: text.replace('"3": "', '"3": "Truly. ', 1)),
    "a belief": edit("config/prompts/beliefs/statement/asserts_wrong.md", longer),
    "one more question": configure("tasks", "triviaqa", "questions", to=3),
}
FEWER = {
    "a task less": lambda copy: copy.configure(lambda config: config["tasks"].pop("disinfo")),
}
ARM = {
    "the temperature of answers": configure("answers", "temperature", to=0.7),
    "greedy capabilities": configure("capabilities", "temperature", to=0),
    "a system prompt": edit("config/prompts/system/warm.md", longer),
}
JUDGING = {
    "a judge's prompt": edit("config/prompts/judge/disinfo.md", longer),
    "a measure's prompt": edit("config/prompts/judge/choice.md", longer),
    "the prompt for refusals": edit("config/prompts/judge/refusal.md", longer),
}


def planned(copy: StudyCopy) -> tuple[Counts, Counts]:
    """New rows by role, arm and suite, and those that may be."""
    certain, most = Counts(), Counts()
    for row in rows(plan(copy).stdout)[:-1]:
        if row["role"] in ("answers", "grades"):
            number = int(row["new"].removeprefix("at most ").replace(",", ""))
            (most if row["new"].startswith("at most") else certain)[row["role"], row["arm"], row["suite"]] = number
    return certain, most


def asked(copy: StudyCopy, since: dict[Path, int]) -> Counts:
    """New rows by role, arm and suite of the jobs that were carried out since."""
    found = Counts()
    for path, changed in receipts(copy).items():
        if since.get(path) != changed:
            role, _, arm, name = path.relative_to(copy.path("")).parts
            found[role, arm, name.removesuffix(".json")] = json.loads(path.read_text())["this_run"]["new"]
    return found


def receipts(copy: StudyCopy) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns for role in ("answers", "grades") for path in copy.path(role).glob("*/*/*.json")
    }


def answered(copy: StudyCopy) -> dict[str, set[str]]:
    """The ledger keys of the answers, by arm and task."""
    folders = copy.path("generations/far").glob("*/*")
    tables = {f"{folder.parent.name} {folder.name}": pl.read_parquet(f"{folder}/*.parquet") for folder in folders}
    return {place: set(table["answer_key"]) for place, table in tables.items()}


def by_task(copy: StudyCopy) -> Counter[str]:
    """New answers by arm and task, where a job has lines for its tasks: it asks only some of its rows."""
    found: Counter[str] = Counter()
    role = arm = ""
    for row in rows(plan(copy, "answers").stdout)[:-1]:
        role, arm = row["role"] or role, row["arm"] or arm
        if row["task"]:
            found[f"{arm} {row['task']}"] = int(row["new"].replace(",", ""))
    return found


@pytest.mark.long(400)
def test_as_many_rows_are_asked_as_planned(study_copy: StudyCopy, tmp_path: Path) -> None:
    with Simulator.start(tmp_path) as simulator:
        study_copy.configure(config_at(simulator.url))
        targets = [str(study_copy.path(name).relative_to(study_copy.folder)) for name in ASKING]
        # Jobs side by side may share a request, and it is not said which of them asks it.
        command = ["--cores", "1", *targets]
        certain, most = planned(study_copy)
        study_copy.run(*command)
        first = asked(study_copy, {})
        assert {job: first[job] for job in certain} == certain
        assert not [job for job in first if first[job] and job not in certain and job not in most]
        assert all(first[job] <= most[job] for job in most)
        for edits in (WORDS, ARM, JUDGING, FEWER):
            for change in edits.values():
                one_before = planned(study_copy)
                change(study_copy)
                assert planned(study_copy) != one_before
            since, before, tasks = receipts(study_copy), answered(study_copy), by_task(study_copy)
            certain, most = planned(study_copy)
            # Of answers that are there, all is known.
            assert not most if edits in (JUDGING, FEWER) else most
            study_copy.run(*command)
            made = asked(study_copy, since)
            assert {job: made[job] for job in certain} == certain
            assert all(made[job] <= most[job] for job in most)
            assert not [job for job in made if made[job] and job not in certain and job not in most]
            new = {place: len(keys - before.get(place, set())) for place, keys in answered(study_copy).items()}
            assert tasks.items() <= new.items()
        assert planned(study_copy) == (Counts(), Counts())
