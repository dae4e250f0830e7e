"""What a ledger is said to hold, what damage is found in it, and what goes only when asked."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from warmline.calls import inventory, joining
from warmline.calls.answer_files import PLAIN, index_path
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Failure, Request, Response, Sampling
from warmline.lineage.errors import UserError

RESPONDENT = {"engine": "openai", "model": "m"}


def request(number: int) -> Request:
    return Request([{"role": "user", "content": str(number)}], Sampling(0.8, 24), seed=7)


def key(number: int) -> str:
    return request(number).key(RESPONDENT)


def written(folder: Path, joined: bool) -> Ledger:
    """Ten answers in two files, a note and a failure."""
    ledger = Ledger(folder, {"endpoint": "http://127.0.0.1:1/v1"})
    for begin in (0, 5):
        with ledger.writer(RESPONDENT) as writer:
            writer.append(request(100 + begin), Failure("no"))
            for number in range(begin, begin + 5):
                writer.append(request(number), Response(f"answer {number}", "stop", 3, 5))
            writer.note(begin=begin)
    if joined:
        ledger.join()
    return ledger


@pytest.mark.parametrize("joined", [False, True])
def test_answers_are_counted_by_respondent(tmp_path: Path, joined: bool) -> None:
    written(tmp_path, joined)
    [part] = inventory.parts(tmp_path)
    assert (part.answers, json.loads(part.respondent)) == (10, RESPONDENT)
    assert part.files == (2 if joined else 7)
    assert part.first and part.last and part.first < part.last
    assert list(inventory.damages(part.folder)) == []


DAMAGE = [(b"answer 3", b"answer 4"), (b'"content": "3"', b'"content": "4"'), (b'"key": "', b'"kez": "'), (b"{", b"(")]


@pytest.mark.parametrize(("old", "new"), DAMAGE)
def test_any_damage_to_a_line_is_found(tmp_path: Path, old: bytes, new: bytes) -> None:
    written(tmp_path, joined=False)
    [path] = [path for path in tmp_path.rglob(f"*{PLAIN}") if b"answer 3" in path.read_bytes()]
    lines = path.read_bytes().split(b"\n")
    place = next(number for number, line in enumerate(lines) if b"answer 3" in line)
    lines[place] = lines[place].replace(old, new, 1)
    path.write_bytes(b"\n".join(lines))
    index_path(path).unlink()
    assert any(path.name in damage for damage in inventory.damages(path.parent))


@pytest.mark.parametrize("joined", [False, True])
def test_what_no_study_refers_to_goes_when_asked_and_nothing_else(tmp_path: Path, joined: bool) -> None:
    ledger = written(tmp_path / "ledger", joined)
    study = tmp_path / "results/mine/generations"
    study.mkdir(parents=True)
    pl.DataFrame({"answer_key": [key(2), key(7)], "judge_key": [None, key(8)]}).write_parquet(study / "a.parquet")
    keys = inventory.referred_to([tmp_path / "results/mine"])
    folder = ledger.part(RESPONDENT)
    assert joining.drop_all_but(folder, keys) == 7
    assert {response.text for response in ledger.responses(RESPONDENT, map(key, range(10))).values()} == {
        f"answer {number}" for number in (2, 7, 8)
    }
    assert sorted(note["begin"] for note in ledger.notes(RESPONDENT)) == [0, 5]
    found = ledger.answered(RESPONDENT).lines(map(key, range(10)))
    assert {line.endpoint for line in found.values()} == {"http://127.0.0.1:1/v1"}
    assert list(inventory.damages(folder)) == []
    assert joining.drop_all_but(folder, keys) == 0


def test_a_file_that_is_being_written_keeps_all(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        writer.append(request(0), Response("yes", "stop", 3, 5))
        assert joining.drop_all_but(writer.folder, set()) == 0
        assert len(ledger.responses(RESPONDENT, [key(0)])) == 1


def test_a_folder_that_is_no_studys_drops_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no tables of a study"):
        inventory.referred_to([tmp_path])
