"""Records are a history: each run of a job adds a line, and none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmline.lineage import records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit/jobs/ask_arm/model=m,arm=warm@1.jsonl"


def test_each_run_adds_a_record_and_the_last_one_counts(path: Path) -> None:
    assert records.last(path) is None and records.history(path) == []
    first, second = {"format": 2, "seconds": 58.8, "text": "a\u2028b"}, {"format": 2, "seconds": 0.03}
    records.append(path, first)
    records.append(path, second)
    assert records.history(path) == [first, second]
    assert records.last(path) == second
    assert records.digest(first) != records.digest(second)


def test_a_record_that_was_cut_off_is_none_and_spoils_no_other(path: Path) -> None:
    records.append(path, {"run": 1})
    with open(path, "ab") as file:
        file.write(b'{"run": 2, "out')
    assert records.last(path) == {"run": 1}
    records.append(path, {"run": 3})
    assert records.history(path) == [{"run": 1}, {"run": 3}]


def test_the_record_of_version_0_1_0_is_the_first_of_the_history(path: Path) -> None:
    path.parent.mkdir(parents=True)
    old = path.with_suffix(".json")
    old.write_text(json.dumps({"run": 1}, indent=1) + "\n")
    assert records.last(path) == {"run": 1}
    records.append(path, {"run": 2})
    assert records.history(path) == [{"run": 1}, {"run": 2}]
    assert not old.exists()


def test_a_path_tells_rule_and_wildcards() -> None:
    path = Path("results/s/audit/jobs/fetch_source/file=a/b,c=d.csv,commit=1.jsonl")
    assert records.rule_and_wildcards(path) == ("fetch_source", {"file": "a/b", "c": "d.csv", "commit": "1"})
