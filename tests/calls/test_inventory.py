"""What a ledger is said to hold, what damage is found in it, and what goes only when asked."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from warmline.calls import inventory, joining
from warmline.calls.answer_files import JOINED, PLAIN, ROW, JoinedFile, index_path
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
@pytest.mark.parametrize("place", [15, 40, 72, 81, 97])
def test_damage_to_an_index_is_found(tmp_path: Path, joined: bool, place: int) -> None:
    folder = written(tmp_path, joined).part(RESPONDENT)
    if joined:
        [path] = folder.glob(f"*{JOINED}")
        begin = JoinedFile(path)._rows_begin
        damaged = path
    else:
        [path, *_] = sorted(folder.glob(f"*{PLAIN}"))
        begin, damaged = 16, index_path(path)
    content = bytearray(damaged.read_bytes())
    content[begin + ROW.itemsize * 2 + place] ^= 1
    damaged.write_bytes(content)
    assert [path.name in damage for damage in inventory.damages(folder)] == [True]


def test_damage_to_what_is_searched_in_an_index_is_found(tmp_path: Path) -> None:
    folder = written(tmp_path, joined=True).part(RESPONDENT)
    [path] = folder.glob(f"*{JOINED}")
    content = bytearray(path.read_bytes())
    content[JoinedFile(path)._prefixes_begin + 8 * 3] ^= 1
    path.write_bytes(content)
    [damage] = inventory.damages(folder)
    assert "its index is not that of its lines" in damage and "zstdcat" in damage


def test_a_file_that_is_put_back_after_answers_were_dropped_stays(tmp_path: Path) -> None:
    ledger = written(tmp_path, joined=True)
    folder = ledger.part(RESPONDENT)
    [path] = folder.glob(f"*{JOINED}")
    copy = path.read_bytes()
    assert joining.drop_all_but(folder, {bytes.fromhex(key(2))}) == 9
    path.write_bytes(copy)
    with ledger.writer(RESPONDENT) as writer:
        writer.append(request(50), Response("answer 50", "stop", 3, 5))
    ledger.join()
    assert len(ledger.responses(RESPONDENT, map(key, range(51)))) == 11
    assert list(inventory.damages(folder)) == []


@pytest.mark.parametrize("joined", [False, True])
def test_what_no_study_refers_to_goes_when_asked_and_nothing_else(tmp_path: Path, joined: bool) -> None:
    ledger = written(tmp_path / "ledger", joined)
    study = tmp_path / "results/mine/generations"
    study.mkdir(parents=True)
    pl.DataFrame({"answer_key": [key(2), key(7)], "judge_key": [None, key(8)]}).write_parquet(study / "a.parquet")
    (tmp_path / "results/mine/audit/jobs").mkdir(parents=True)
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
    study = tmp_path / "mine"
    (study / "audit/jobs").mkdir(parents=True)
    (study / "prompts").mkdir()
    pl.DataFrame({"item": ["a"]}).write_parquet(study / "prompts/a.parquet")
    for folder in (tmp_path / "nowhere", study / "prompts", study):
        with pytest.raises(UserError, match=r"is not the folder of a study with answers.*Nothing was dropped"):
            inventory.referred_to([folder])
    # A part of a study refers to a part of its answers.
    pl.DataFrame({"answer_key": [key(2)]}).write_parquet(study / "prompts/b.parquet")
    assert inventory.referred_to([study]) == {bytes.fromhex(key(2))}
    with pytest.raises(UserError, match="is not the folder of a study"):
        inventory.referred_to([study / "prompts"])
