"""What a record says stands, or is doubted with a reason that names what differs."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from warmline.lineage import digests
from warmline.workflow import earlier, holding
from warmline.workflow.holding import Demand, Doubt, canonical, doubt

DEMAND = Demand(
    outputs=["out/a.csv", "out/b.csv"],
    inputs={"table": ["in/table.parquet"], "words": ["words/x.md", "words/y.md"], "gate": ["s/audit/gates/m.csv"]},
    after=["answers/receipt.json"],
    params={"options": '--seed 1 --scale \'{"low": 1.0, "high": 2}\'', "code": "c0de"},
    program="f00d",
    command="c0mmand",
    earlier_command=True,
    ask_again=False,
)
FILES = {
    **{"out/a.csv": "1", "out/b.csv": "2", "in/table.parquet": "3", "words/x.md": "4", "words/y.md": "5"},
    **{"weights/model.safetensors": "6", "answers/receipt.json": "7", "s/audit/gates/m.csv": "8"},
}
RECORD: dict[str, Any] = {
    "format": 2,
    "outputs": {"out": {"out/a.csv": "1", "out/b.csv": "2"}},
    "inputs": {
        "table": {"in/table.parquet": "3"},
        "words": {"words/x.md": "4", "words/y.md": "5"},
        "weights": {"weights/model.safetensors": "6"},
        "receipt": {"answers/receipt.json": "another, which does not count"},
    },
    "given": DEMAND.as_given(),
}


def found(demand: Demand = DEMAND, record: dict[str, Any] | None = RECORD, **changed: str | None) -> Doubt | None:
    files = {**FILES, **{name.replace("__", "/").replace("_DOT_", "."): value for name, value in changed.items()}}
    return doubt(demand, record, lambda path: files.get(path))


def test_what_a_record_says_of_the_files_as_they_are_holds() -> None:
    assert found() is None


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("out/b.csv", None, Doubt(holding.MISSING, "out/b.csv")),
        ("out/b.csv", "other", Doubt(holding.CHANGED, "out/b.csv")),
        ("words/y.md", "other", Doubt(holding.OTHER_CONTENT, "words/y.md")),
        ("weights/model.safetensors", "other", Doubt(holding.OTHER_CONTENT, "weights/model.safetensors")),
        ("weights/model.safetensors", None, Doubt(holding.MISSING, "weights/model.safetensors")),
        # Whoever makes it is doubted, and this job follows if another content comes of it.
        ("words/y.md", None, None),
        ("answers/receipt.json", "other", None),
        ("s/audit/gates/m.csv", "other", None),
    ],
)
def test_a_file_that_differs_is_named(path: str, content: str | None, expected: Doubt | None) -> None:
    assert doubt(DEMAND, RECORD, lambda asked: {**FILES, path: content}.get(asked)) == expected


def test_a_file_that_cannot_be_read_is_named() -> None:
    def digest(path: str) -> str | None:
        if path == "out/b.csv":
            raise PermissionError(13, "Permission denied", path)
        return FILES.get(path)

    assert doubt(DEMAND, RECORD, digest) == Doubt(holding.UNREADABLE, "out/b.csv")


def test_without_a_record_or_one_of_a_job_that_was_run_by_hand_nothing_holds() -> None:
    assert found(record=None) == Doubt(holding.NO_RECORD, "out/a.csv")
    assert found(record={**RECORD, "given": None}) == Doubt(holding.NO_RECORD, "out/a.csv")
    assert found(record={**RECORD, "outputs": {"out": {"out/a.csv": "1"}}}) == Doubt(holding.NO_RECORD, "out/b.csv")
    assert found(record={**RECORD, "outputs": {"out": {"x/a.csv": "1"}}}) == Doubt(holding.OTHER_PLACE, "out/a.csv")


@pytest.mark.parametrize("damaged", [{}, {"format": 2}, {**RECORD, "given": {"params": {}}}])
def test_a_record_that_is_not_whole_is_none(damaged: dict[str, Any]) -> None:
    assert found(record=damaged) == Doubt(holding.NO_RECORD, "out/a.csv")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"params": {**DEMAND.params, "options": "--seed 2"}}, holding.OTHER_SETTINGS),
        ({"params": {**DEMAND.params, "more": "--x"}}, holding.OTHER_SETTINGS),
        ({"params": {"code": "c0de"}}, holding.OTHER_SETTINGS),
        ({"params": {**DEMAND.params, "code": "other"}}, holding.OTHER_CODE),
        ({"command": "other"}, holding.OTHER_COMMAND),
        ({"inputs": {**DEMAND.inputs, "words": ["words/x.md"]}}, holding.OTHER_INPUTS),
        ({"inputs": {**DEMAND.inputs, "more": ["words/x.md"]}}, holding.OTHER_INPUTS),
        # What is equal has one digest.
        ({"inputs": {**DEMAND.inputs, "words": ["words/y.md", "words/x.md"]}}, None),
        ({"after": ["answers/other.json", "answers/receipt.json"]}, None),
    ],
)
def test_what_the_rule_says_otherwise_is_named(change: dict[str, Any], reason: str | None) -> None:
    doubted = found(dataclasses.replace(DEMAND, **change))
    assert (doubted and doubted.reason) == reason


def test_a_doubt_says_what_it_is_about() -> None:
    doubted = found(dataclasses.replace(DEMAND, params={**DEMAND.params, "options": "--seed 2"}))
    assert str(doubted).startswith("it was made with other settings: 2 instead of 1")
    assert str(found(record=None)) == f"out/a.csv {holding.NO_RECORD}"
    assert str(Doubt(holding.OTHER_CODE)) == holding.OTHER_CODE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--a 1.0 2 1e2", ["--a", "1", "2", "100"]),
        ('--a 0.30 \'[1.0, {"b": 2.0, "a": 1}]\'', ["--a", "0.3", '[1,{"a":1,"b":2}]']),
        ("--word 'two words' NaN 007", ["--word", "two words", "NaN", "007"]),
    ],
)
def test_equal_options_have_one_form(text: str, words: list[str]) -> None:
    assert canonical(text) == words


@pytest.mark.parametrize(
    ("number", "receipt", "ask_again", "reason"),
    [
        (0, "7", True, None),
        (0, "other", False, None),
        (2, "7", False, None),
        (2, "7", True, holding.TURNED_DOWN),
        (2, "other", False, holding.SINCE),
    ],
)
def test_what_was_turned_down_is_asked_again_when_told_and_follows_its_receipt(
    number: int, receipt: str, ask_again: bool, reason: str | None
) -> None:
    record = RECORD | {"params": {"turned_down": number}, "inputs": {"receipt": {"answers/receipt.json": receipt}}}
    doubted = found(dataclasses.replace(DEMAND, ask_again=ask_again), record)
    assert (doubted and doubted.reason) == reason


MODULES = {"training/train.py": "abc"}
EARLIER: dict[str, Any] = {
    "outputs": RECORD["outputs"],
    "inputs": {name: RECORD["inputs"][name] for name in ("table", "words", "receipt")},
    "code": MODULES,
    "command": 'x.py --table in/table.parquet --seed 1 --scale \'{"low": 1, "high": 2}\' --threads 1',
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda demand, record: None, None),
        (lambda demand, record: record.update(command="x.py --seed 2"), holding.OTHER_SETTINGS),
        (lambda demand, record: record.update(code={"training/train.py": "other"}), holding.OTHER_CODE),
        (lambda demand, record: demand.update(earlier_command=False), holding.OTHER_COMMAND),
        (lambda demand, record: record["inputs"].pop("words"), holding.OTHER_INPUTS),
        (lambda demand, record: record["inputs"].update(more={"in/more.csv": "9"}), holding.OTHER_INPUTS),
        (lambda demand, record: record["inputs"].update(table={"in/table.parquet": "9"}), holding.OTHER_CONTENT),
    ],
)
def test_a_record_of_version_0_1_0_holds_as_far_as_it_tells(
    change: Callable[[dict[str, Any], dict[str, Any]], None], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(earlier.EARLIER["code"], "f00d", [digests.of_value(MODULES)])
    demand, record = vars(DEMAND).copy(), copy.deepcopy(EARLIER)
    change(demand, record)
    doubted = found(Demand(**demand), record)
    assert (doubted and doubted.reason) == reason
