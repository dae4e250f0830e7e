"""Files of a respondent's answers joined into one: nothing is lost, nobody is disturbed."""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from warmline.calls import answer_files, joining
from warmline.calls.answer_files import JOINED, PLAIN, JoinedFile, PlainFile
from warmline.calls.ledger import Ledger
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Failure, Request, Response, Sampling
from warmline.lineage import processes
from warmline.lineage.errors import UserError

RESPONDENT = {"engine": "openai", "model": "m"}
CALLS = st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.text(max_size=20)), max_size=20)


def request(content: object) -> Request:
    return Request([{"role": "user", "content": str(content)}], Sampling(0.8, 24), seed=7)


def key(content: object) -> str:
    return request(content).key(RESPONDENT)


def write(ledger: Ledger, calls: Iterable[tuple[object, Response | Failure]]) -> Path:
    """Write calls to a file of their own, and return it."""
    with ledger.writer(RESPONDENT) as writer:
        for content, result in calls:
            writer.append(request(content), result)
        return writer.folder / f"{writer.name}{PLAIN}"


def answers(number: int, begin: int = 0) -> list[tuple[object, Response]]:
    return [(content, Response(f"answer {content}", "stop", 3, 5)) for content in range(begin, begin + number)]


def names(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in ledger.part(RESPONDENT).glob("*") if path.name != "respondent.json")


def all_lines(ledger: Ledger) -> Counter[bytes]:
    """Every line of the files, those of joined ones as another reader of zstd sees them."""
    found: Counter[bytes] = Counter()
    for path in answer_files.paths(ledger.part(RESPONDENT)):
        content = path.read_bytes()
        if path.name.endswith(JOINED):
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True) as reader:
                content = reader.read()
        found.update(content.split(b"\n")[:-1])
    return found


@settings(max_examples=25)
@given(st.lists(CALLS, min_size=1, max_size=5), st.sampled_from([1, 200, 1 << 18]))
def test_every_reader_finds_after_joining_what_it_found_before(
    files: list[list[tuple[int, bool, str]]], frame: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "FRAME_BYTES", frame)
        ledger = Ledger(folder, {"endpoint": "http://127.0.0.1:1/v1"})
        for number, calls in enumerate(files):
            results = [
                (content, Response(text, "stop" if number % 2 else "unanswerable", 3, 5) if good else Failure(text))
                for content, good, text in calls
            ]
            write(ledger, results)
            keys = [key(content) for content in range(31)]
            before, lines, twice = ledger.answered(RESPONDENT), all_lines(ledger), [bytes.fromhex(one) for one in keys]
            receipt, expected = Receipt(), before.lines(keys)
            receipt.add_found(before.find(twice), before)
            ledger.join()
            after, joined = ledger.answered(RESPONDENT), Receipt()
            joined.add_found(after.find(twice), after)
            assert after.lines(keys) == before.lines(keys) == expected
            assert joined.as_json() == receipt.as_json()
            assert after.answered_twice(twice) == before.answered_twice(twice)
            assert all_lines(ledger) == lines
            assert not [name for name in names(ledger) if not name.endswith(JOINED)]


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        writer.append(request("a"), Response("yes", "stop", 1, 1))
        ledger.join()
        assert f"{writer.name}{PLAIN}" in names(ledger)
        writer.append(request("b"), Response("no", "stop", 1, 1))
    ledger.join()
    assert {response.text for response in ledger.responses(RESPONDENT, [key("a"), key("b")]).values()} == {"yes", "no"}
    assert [name for name in names(ledger) if name.endswith(JOINED)] == names(ledger)


def unclosed(ledger: Ledger, **process: object) -> Path:
    """A file whose writer did not come to close it, as if it were another process."""
    path = write(ledger, answers(3))
    first, *calls, _, end = path.read_bytes().split(b"\n")
    said = json.loads(first)
    said["writer"] |= process
    path.write_bytes(b"\n".join([json.dumps(said).encode(), *calls, end]))
    answer_files.index_path(path).unlink()
    return path


def test_the_file_of_a_process_that_was_killed_here_is_joined_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    unclosed(ledger, born="another")
    ledger.join()
    assert [name for name in names(ledger) if name.endswith(JOINED)] == names(ledger)
    assert len(ledger.responses(RESPONDENT, map(key, range(3)))) == 3


def test_the_file_of_another_machines_process_is_joined_once_it_was_silent_for_long(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = unclosed(ledger, place="elsewhere", host="elsewhere")
    ledger.join()
    assert names(ledger) == [path.name]
    long_ago = time.time() - joining.SILENT_SECONDS - 60
    os.utime(path, (long_ago, long_ago))
    ledger.join()
    assert [name for name in names(ledger) if name.endswith(JOINED)] == names(ledger)


def test_who_is_killed_while_joining_leaves_all_answers_and_the_next_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    for begin in (0, 5):
        write(ledger, answers(5, begin))
    with monkeypatch.context() as patch:
        patch.setattr(joining, "remove", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ledger.join()
    assert len(names(ledger)) == 5
    assert len(ledger.responses(RESPONDENT, map(key, range(10)))) == 10
    assert ledger.answered(RESPONDENT).answered_twice([bytes.fromhex(key(one)) for one in range(10)]) == 0
    ledger.join()
    assert len(names(ledger)) == 1
    assert max(all_lines(ledger).values()) == 1


def test_a_reader_goes_on_over_files_that_were_joined_since_it_looked(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    write(ledger, answers(5))
    early = ledger.answered(RESPONDENT)
    write(ledger, answers(5, 5))
    ledger.join()
    assert len(early.read(map(key, range(10)))) == 10
    assert not early.refresh()


def test_no_line_is_copied_more_often_than_by_the_doubling_of_the_whole(tmp_path: Path) -> None:
    copied: Counter[str] = Counter()
    ledger, before = Ledger(tmp_path), set[str]()
    for number in range(40):
        write(ledger, answers(20, 20 * number))
        ledger.join()
        written = set(names(ledger)) - before
        before |= written
        for name in written:
            copied.update(JoinedFile(ledger.part(RESPONDENT) / name).about["files"])
    plain = [count for name, count in copied.items() if name.endswith(PLAIN)]
    assert len(plain) == 40
    assert max(plain) <= 1 + np.log2(40) + 1
    assert len(names(ledger)) <= 1 + np.log2(40)


def test_joined_files_are_small_and_their_rows_are_found_without_reading_the_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    size = (
        write(ledger, [(f"{one} {'and on ' * 200}", Response("yes", "stop", 3, 5)) for one in range(2000)])
        .stat()
        .st_size
    )
    ledger.join()
    [path] = answer_files.paths(ledger.part(RESPONDENT))
    assert path.stat().st_size < size / 4
    content = bytearray(path.read_bytes())
    frames = JoinedFile(path).frames
    assert len(frames) > 4
    # All frames but the first are spoiled.
    for frame in frames[1:]:
        content[int(frame["offset"]) : int(frame["offset"]) + 8] = bytes(8)
    path.write_bytes(bytes(content))
    assert len(ledger.responses(RESPONDENT, [key(f"0 {'and on ' * 200}")])) == 1
    with pytest.raises(UserError, match=rf"{path.name}, byte \d+ of its lines: .* damaged.*zstdcat"):
        ledger.responses(RESPONDENT, [key(f"1999 {'and on ' * 200}")])


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_joined_file_that_was_cut_is_named(tmp_path: Path, cut: int) -> None:
    ledger = Ledger(tmp_path)
    write(ledger, answers(5))
    ledger.join()
    [path] = answer_files.paths(ledger.part(RESPONDENT))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError, match=rf"{path.name}: the end of this file .* is damaged.*zstdcat"):
        ledger.answered(RESPONDENT)


def test_a_finish_reason_of_any_length_is_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    reasons = ["stop", "é" * 12, "é" * 13, "a reason that is longer than what an index has room for"]
    write(ledger, [(reason, Response("yes", reason, 1, 1)) for reason in reasons])
    for _ in range(2):
        answered = ledger.answered(RESPONDENT)
        found = answered.find([bytes.fromhex(key(reason)) for reason in reasons])
        assert answered.finish_reasons(found) == Counter(reasons)
        ledger.join()


def test_an_endpoint_is_told_of_each_writer(tmp_path: Path) -> None:
    for number in range(2):
        write(Ledger(tmp_path, {"endpoint": f"http://127.0.0.1:{number}/v1"}), answers(number + 1, number))
    ledger = Ledger(tmp_path)
    ledger.join()
    answered = ledger.answered(RESPONDENT)
    found = answered.find([bytes.fromhex(key(one)) for one in range(3)])
    assert answered.endpoints(found) == {"http://127.0.0.1:0/v1": 1, "http://127.0.0.1:1/v1": 2}


def test_notes_are_read_back_in_order_from_joined_files_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number in range(3):
        with ledger.writer(RESPONDENT) as writer:
            writer.append(request(number), Response("yes", "stop", 1, 1))
            writer.note(number=number, first=True)
            writer.note(number=number, first=False)
        ledger.join()
        assert [name for name in names(ledger) if name.endswith(JOINED)] == names(ledger)
    noted = [(note["number"], note["first"]) for note in ledger.notes(RESPONDENT)]
    assert sorted(noted) == sorted((number, first) for number in range(3) for first in (True, False))
    assert [first for number, first in noted if number == 1] == [True, False]


def test_a_process_of_this_machine_is_known_to_live_or_to_have_ended() -> None:
    assert not processes.has_ended(processes.identity())
    assert processes.has_ended(processes.identity() | {"born": "another"})
    assert not processes.has_ended({})


def test_who_finds_that_another_joins_the_same_says_so_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    for number in range(3):
        write(ledger, answers(5, 5 * number))
    folder, refresh = ledger.part(RESPONDENT), PlainFile.refresh

    def overtaken(file: PlainFile) -> bool:
        monkeypatch.setattr(PlainFile, "refresh", refresh)
        joining.join(folder)
        return refresh(file)

    monkeypatch.setattr(PlainFile, "refresh", overtaken)
    with pytest.raises(FileNotFoundError):
        joining.join(folder)
    assert len(names(ledger)) == 1
    ledger.join()
    assert len(ledger.responses(RESPONDENT, map(key, range(15)))) == 15
