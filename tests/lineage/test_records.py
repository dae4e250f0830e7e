"""Records are a history: each run of a job adds a line, and none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmline.lineage import digests, records


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "audit/jobs/ask_arm/model=m,arm=warm@1.5")


def test_each_run_adds_a_record_and_the_last_one_counts(name: str) -> None:
    assert records.last(name) is None and records.history(name) == []
    first, second = {"format": 2, "seconds": 58.8, "text": "a\u2028b"}, {"format": 2, "seconds": 0.03}
    records.append(name, first)
    records.append(name, second)
    assert records.history(name) == [first, second]
    assert records.last(name) == second
    assert records.digest(first) != records.digest(second)


def test_a_record_that_was_cut_off_is_none_and_spoils_no_other(name: str) -> None:
    records.append(name, {"run": 1})
    with open(records.path(name), "ab") as file:
        file.write(b'{"run": 2, "out')
    assert records.last(name) == {"run": 1}
    records.append(name, {"run": 3})
    assert records.history(name) == [{"run": 1}, {"run": 3}]


def test_the_record_of_version_0_1_0_is_the_first_of_the_history(name: str) -> None:
    old = Path(f"{name}.json")
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"run": 1}, indent=1) + "\n")
    assert records.last(name) == {"run": 1}
    records.take_over(name)
    records.append(name, {"run": 2})
    assert records.history(name) == [{"run": 1}, {"run": 2}]
    assert not old.exists()


def test_a_name_tells_rule_and_wildcards() -> None:
    name = "results/s/audit/jobs/fetch_source/file=a/b,c=d.csv,commit=1"
    assert records.rule_and_wildcards(name) == ("fetch_source", {"file": "a/b", "c": "d.csv", "commit": "1"})


def test_a_file_counts_as_made_from_others_only_if_all_of_them_are_as_the_record_says(tmp_path: Path) -> None:
    made, inputs = tmp_path / "made", [tmp_path / "a", tmp_path / "b"]
    for path in (made, *inputs):
        path.write_text(path.name)
    name = records.beside(str(tmp_path / "audit/jobs/ask_arm/model=m,suite=questions"), "project", model="m", task="t")
    assert name == str(tmp_path / "audit/jobs/project/model=m,task=t")
    assert records.made_from(name, inputs) is None
    read = {path.name: {str(path): digests.of_file(path)} for path in inputs}
    records.append(name, {"inputs": read, "outputs": {"made": {str(made): digests.of_file(made)}}})
    assert records.made_from(name, inputs) == made
    assert records.made_from(name, inputs[:1]) == made
    assert records.made_from(name, [*inputs, tmp_path / "made"]) is None
    for path in (made, *inputs):
        path.write_text("edited")
        assert records.made_from(name, inputs) is None
        path.unlink()
        assert records.made_from(name, inputs) is None
        path.write_text(path.name)
    assert records.made_from(name, inputs) == made
