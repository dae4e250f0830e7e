from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warmline.calls import answer_files
from warmline.calls.answer_files import ROW, index_path
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Failure, Request, Response, Sampling
from warmline.lineage import digests
from warmline.lineage.errors import UserError

RESPONDENT = {"engine": "transformers", "weights": "abc", "adapter": None, "precision": "float32"}
# Lone surrogates and separators of lines and records among all other characters.
TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from('\u2028\u2029\x85\x1e\r\n\ud83d\udc36\0"\\'))


def request(content: str) -> Request:
    return Request([{"role": "user", "content": content}], Sampling(0.8, 24), seed=7)


def response(text: str) -> Response:
    return Response(text, "stop", 3, 5)


def key(content: str) -> str:
    return request(content).key(RESPONDENT)


@contextmanager
def temporary() -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder:
        yield Ledger(folder)


def record(ledger: Ledger, **answers: Response | Failure) -> Path:
    """Append answers by their questions in one process's file, and return the file."""
    part = ledger.part(RESPONDENT)
    before = set(part.glob("*.jsonl"))
    with ledger.writer(RESPONDENT) as writer:
        for content, result in answers.items():
            writer.append(request(content), result)
    return (set(part.glob("*.jsonl")) - before).pop()


def texts(ledger: Ledger, *contents: str) -> dict[str, str]:
    """The text that the ledger serves for each question that it can answer."""
    served = ledger.responses(RESPONDENT, [key(content) for content in contents])
    return {content: served[key(content)].text for content in contents if key(content) in served}


@given(st.dictionaries(TEXT, TEXT, max_size=5))
@example({"\ud83d": "a\udc36\u2028b"})
def test_every_text_is_served_as_it_was_recorded(answers: dict[str, str]) -> None:
    with temporary() as ledger:
        with ledger.writer(RESPONDENT) as writer:
            for question, answer in answers.items():
                writer.append(request(question), Response(answer, "length", 1, 2))
        keys = {key(question): answer for question, answer in answers.items()}
        served = ledger.responses(RESPONDENT, keys)
        assert served == {key: Response(answer, "length", 1, 2) for key, answer in keys.items()}


@given(st.data(), TEXT)
def test_a_line_torn_at_any_byte_loses_only_itself(data: st.DataObject, last: str) -> None:
    with temporary() as ledger:
        file = record(ledger, a=response("first"), b=response("second"), c=response(last))
        index_path(file).unlink()
        whole = file.read_bytes().rpartition(b'{"time"')[0]
        begin = whole.rindex(b"\n", 0, -1) + 1
        file.write_bytes(whole[: data.draw(st.integers(begin, len(whole) - 1), label="cut")])
        assert texts(ledger, "a", "b", "c") == {"a": "first", "b": "second"}
        record(ledger, c=response("again"))
        assert texts(ledger, "a", "b", "c") == {"a": "first", "b": "second", "c": "again"}


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as one, ledger.writer(dict(reversed(RESPONDENT.items()))) as other:
        for number in range(4):
            one.append(request(f"one {number}"), response("1"))
            other.append(request(f"other {number}"), response("2"))
    expected = {f"{name} {number}": text for number in range(4) for name, text in (("one", "1"), ("other", "2"))}
    assert texts(ledger, *expected) == expected
    assert len(list(tmp_path.rglob("*.jsonl"))) == 2


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_answers_the_earliest_counts_in_whichever_file_it_is(tmp_path: Path, names: str) -> None:
    ledger = Ledger(tmp_path)
    for name, text in zip(names, ("earlier", "later"), strict=True):
        record(ledger, a=response(text)).rename(ledger.part(RESPONDENT) / f"{name}.answers.jsonl")
    assert texts(ledger, "a") == {"a": "earlier"}


def test_of_two_answers_in_one_file_the_earliest_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        for text in ("earlier", "later"):
            writer.append(request("a"), response(text))
    assert texts(ledger, "a") == {"a": "earlier"}


@pytest.mark.parametrize("order", [["failure", "response"], ["response", "failure"]])
def test_a_failure_is_recorded_and_never_served(tmp_path: Path, order: list[str]) -> None:
    results = {"failure": Failure("no connection"), "response": response("yes")}
    ledger = Ledger(tmp_path)
    file = record(ledger, a=results["failure"])
    assert texts(ledger, "a") == {}
    assert json.loads(file.read_text().splitlines()[1])["failure"] == "no connection"
    for name in order:
        record(ledger, b=results[name])
    assert texts(ledger, "a", "b") == {"b": "yes"}


def test_an_answer_is_there_before_the_writer_is_done(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        writer.append(request("a"), response("yes"))
        assert texts(ledger, "a") == {"a": "yes"}


def test_only_what_is_asked_for_is_served(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    record(ledger, a=response("1"), b=response("2"))
    assert list(ledger.responses(RESPONDENT, {key("b")})) == [key("b")]
    assert ledger.responses(RESPONDENT, []) == {}


def test_another_respondents_answers_are_not_served(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    record(ledger, a=response("yes"))
    assert ledger.responses({**RESPONDENT, "adapter": "def"}, [key("a")]) == {}


def test_a_writer_without_answers_leaves_no_file(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger").writer(RESPONDENT):
        pass
    assert not list(tmp_path.iterdir())


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 3))
def test_an_index_at_any_length_of_a_file_changes_no_answer(order: list[int], cut: int, torn: int) -> None:
    with temporary() as ledger, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warmline.calls.answer_files.UNWRITTEN_ROWS", 0)
        with ledger.writer(RESPONDENT) as writer:
            for number, content in enumerate(order):
                result = Failure("no") if content == 0 else response(f"{content}, said as number {number}")
                writer.append(request(str(content)), result)
        expected = {str(content): f"{content}, said as number {order.index(content)}" for content in order if content}
        for index in ledger.part(RESPONDENT).glob("*.index"):
            size = (index.stat().st_size - 16) // ROW.itemsize
            with open(index, "r+b") as file:
                file.truncate(16 + max(0, size - cut) * ROW.itemsize + torn)
        assert texts(ledger, *map(str, range(6))) == expected
        for index in ledger.part(RESPONDENT).glob("*.index"):
            index.unlink()
        assert texts(ledger, *map(str, range(6))) == expected


def test_an_index_saves_reading_what_it_covers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes"), b=response("no"))
    first, a, b, *end = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([first, a, b" " * len(b), *end]))
    assert texts(ledger, "a") == {"a": "yes"}
    with pytest.raises(UserError, match="damaged"):
        texts(ledger, "b")


def test_a_long_file_of_an_earlier_version_is_indexed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmline.calls.answer_files.UNINDEXED_BYTES", 0)
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes"), b=response("no"))
    index = index_path(file)
    written = index.read_bytes()
    index.unlink()
    assert texts(ledger, "a") == {"a": "yes"}
    assert index.read_bytes() == written


def test_no_reader_makes_an_index_beside_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmline.calls.answer_files.UNINDEXED_BYTES", 0)
    monkeypatch.setattr("warmline.calls.answer_files.UNWRITTEN_ROWS", 3)
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        for number in range(20):
            writer.append(request(str(number)), response(f"answer {number}"))
            assert texts(ledger, *map(str, range(20))) == {str(one): f"answer {one}" for one in range(number + 1)}
    assert texts(ledger, *map(str, range(20))) == {str(one): f"answer {one}" for one in range(20)}


def test_a_line_that_is_finished_while_it_is_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    path = record(ledger, a=response("A"), b=response("B"))
    whole = path.read_bytes()
    *_, last, _ = whole.splitlines(keepends=True)
    torn = whole.index(last) + len(last) // 2
    index_path(path).unlink()
    path.write_bytes(whole[:torn])

    class Growing(io.BufferedReader):
        """A file whose writer goes on once a reader has come to its end."""

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            if line and not line.endswith(b"\n"):
                path.write_bytes(whole)
            return line

    with monkeypatch.context() as patched:
        reader = lambda path, mode: Growing(io.FileIO(path, mode.removesuffix("b")))  # noqa: E731
        patched.setattr(answer_files, "open", reader, raising=False)
        assert texts(ledger, "a", "b") == {"a": "A"}
    assert path.read_bytes() == whole
    assert texts(ledger, "a", "b") == {"a": "A", "b": "B"}


def test_answers_are_on_disk_before_their_index_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a network file system had the index first, another host would take the answers for lost.
    monkeypatch.setattr(answer_files, "UNWRITTEN_ROWS", 2)
    ledger, on_disk = Ledger(tmp_path), {}

    def fsync(descriptor: int) -> None:
        on_disk[os.readlink(f"/proc/self/fd/{descriptor}")] = os.fstat(descriptor).st_size

    monkeypatch.setattr(os, "fsync", fsync)
    with ledger.writer(RESPONDENT) as writer:
        for number in range(20):
            writer.append(request(str(number)), response("A"))
            (path,) = ledger.part(RESPONDENT).glob("*.answers.jsonl")
            size = index_path(path).stat().st_size // ROW.itemsize * ROW.itemsize
            if size:
                last = np.frombuffer(index_path(path).read_bytes()[16 : 16 + size], ROW)[-1]
                assert last["offset"] + last["length"] <= on_disk[str(path)]
    assert size


def test_who_may_not_write_an_index_reads_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmline.calls.answer_files.UNINDEXED_BYTES", 0)
    ledger = Ledger(tmp_path)
    index_path(record(ledger, a=response("yes"))).unlink()

    @contextmanager
    def refused(path: Path) -> Iterator[Path]:
        raise UserError(f"{path} cannot be written")
        yield path

    monkeypatch.setattr("warmline.lineage.complete_files.replacing", refused)
    assert texts(ledger, "a") == {"a": "yes"}


def test_notes_are_read_back_in_order_and_are_no_answers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer(RESPONDENT) as writer:
        writer.note(batch="one", keys=[key("a")])
        writer.note(batch="one", ended="completed")
    assert [{name: note[name] for name in note if name != "time"} for note in ledger.notes(RESPONDENT)] == [
        {"batch": "one", "keys": [key("a")]},
        {"batch": "one", "ended": "completed"},
    ]
    assert texts(ledger, "a") == {}


def test_a_line_says_who_was_asked_what_and_when(tmp_path: Path) -> None:
    file = record(Ledger(tmp_path), a=response("yes"))
    line = json.loads(file.read_text().splitlines()[1])
    assert json.loads((file.parent / "respondent.json").read_text()) == RESPONDENT
    assert line["request"] == request("a").as_record()
    assert line["response"] == {"text": "yes", "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 5} | {
        "served_by": None
    }
    assert line["time"].endswith("+00:00")
    assert line["digest"] == digests.of_value(line["response"])


def test_a_file_says_once_who_wrote_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, {"job": "audit/jobs/ask_arm/model=small.json", "code": "1f" * 32})
    file = record(ledger, a=response("yes"), b=response("no"))
    writers = [json.loads(line)["writer"] for line in file.read_text().splitlines() if "writer" in json.loads(line)]
    [writer] = writers
    assert writer["job"] == "audit/jobs/ask_arm/model=small.json"
    assert writer["code"] == "1f" * 32
    assert {"host", "pid", "packages", "python", "device"} <= writer.keys()


def without_digests(file: Path) -> None:
    """Make of a file one that version 0.1.0 wrote."""
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:-1]]
    kept = [{name: value for name, value in line.items() if name != "digest"} for line in lines]
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))
    index_path(file).unlink()


def test_a_file_of_an_earlier_version_is_read_with_the_same_digests(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes"), b=Failure("no"))
    before = ledger.answered(RESPONDENT).lines([key("a")])
    without_digests(file)
    assert ledger.answered(RESPONDENT).lines([key("a")]) == before
    assert before[key("a")].digest.hex() == digests.of_value(json.loads(file.read_text().splitlines()[0])["response"])


DAMAGE = [("yes", "yet"), ('"digest": "', '"digest": "0'), ('"key"', '"kez"'), ("{", "\0")]


@pytest.mark.parametrize(("old", "new"), DAMAGE)
@pytest.mark.parametrize("torn", [False, True])
def test_a_damaged_line_is_named_with_its_byte_and_never_served(tmp_path: Path, old: str, new: str, torn: bool) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("first"), b=response("yes"), c=response("third"))
    first, a, b, *rest = file.read_text().splitlines(keepends=True)
    assert old in b
    file.write_text("".join([first, a, b.replace(old, new, 1), *rest]) + ("{torn" if torn else ""))
    if len(old) != len(new):
        index_path(file).unlink()
    with pytest.raises(UserError, match=rf"{file.name}, byte {len(first + a)}: .* damaged.*back from a copy"):
        texts(ledger, "b")


def test_an_index_that_is_none_is_passed_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    index_path(record(ledger, a=response("yes"))).write_bytes(b"of another version, or of nobody" * 9)
    assert texts(ledger, "a") == {"a": "yes"}


def test_a_file_that_lost_answers_since_it_was_indexed_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes"), b=response("no"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"has \d+ bytes, .* answers have been lost.*delete .*answers\.index"):
        texts(ledger, "a")


def test_a_respondents_file_that_was_broken_is_written_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes")).with_name("respondent.json")
    file.write_bytes(b"\xff{")
    record(ledger, b=response("yes"))
    assert json.loads(file.read_text()) == RESPONDENT


def test_what_was_written_since_is_taken_in_without_reading_the_rest_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    file = record(ledger, a=response("yes"))
    answered = ledger.answered(RESPONDENT)
    assert not answered.refresh()
    read = file.stat().st_size
    record(ledger, b=response("no"))
    with ledger.writer(RESPONDENT) as writer:
        writer.append(request("c"), response("now"))
        file.write_bytes(b" " * read)
        assert answered.refresh()
    found = answered.read([key("b"), key("c")])
    assert {one.text for one in found.values()} == {"no", "now"}


def test_a_line_says_which_endpoint_was_asked_for_it(tmp_path: Path) -> None:
    record(Ledger(tmp_path), old=response("yes"))
    record(Ledger(tmp_path, {"endpoint": "http://127.0.0.1:1/v1"}), new=response("no"))
    found = Ledger(tmp_path).answered(RESPONDENT).lines([key("old"), key("new")])
    assert {name: found[key(name)].endpoint for name in ("old", "new")} == {"old": None, "new": "http://127.0.0.1:1/v1"}
