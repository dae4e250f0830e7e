"""The ledger: an append-only record of every model call, shared by all studies (lineage rule 6).

One folder per respondent holds JSON lines, one file per writing process, flushed line by line. A process that is
killed loses at most the line it was writing: a torn last line is ignored. Answers are never rewritten, so the files are
safe on NFS and Lustre without locks.

The first line of a file says who wrote it. Every line of an answer begins with its key, its time and its kind, all of
fixed width, so that a reader finds what it wants without parsing the rest, and ends with the digest of its response:
SHA-256 over the canonical JSON. Files of 0.1.0 have neither digests nor a first line of that sort. A line that is not
what was written is an error, never an answer.

Long files have an index beside them, `*.keys.parquet`: where each answer stands, up to a given byte. An index is made
from its file alone, so it can be deleted, and is replaced in one step.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import io
import json
import os
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from warmline.calls.requests import UNANSWERABLE, Failure, Request, Respondent, Response
from warmline.lineage import complete_files, digests, processes
from warmline.lineage.errors import UserError

ANSWERS = ".answers.jsonl"
NOTES = ".notes.jsonl"
INDEXES = ".keys.parquet"
# Scanning a file this long takes milliseconds: an index beside it would save nothing.
UNINDEXED_BYTES = 1_000_000

_BEFORE_KEY = b'{"key": "'
_BEFORE_TIME = b'", "time": "'
_BEFORE_RESPONSE = b'", "response": '
_BEFORE_FAILURE = b'", "failure": "'
_BEFORE_DIGEST = b', "digest": "'
_END = b'"}\n'
_KEY = slice(len(_BEFORE_KEY), len(_BEFORE_KEY) + 64)
_TIME = slice(_KEY.stop + len(_BEFORE_TIME), _KEY.stop + len(_BEFORE_TIME) + 32)
_KIND = slice(_TIME.stop, _TIME.stop + len(_BEFORE_RESPONSE))
_DIGEST = slice(-len(_END) - 64, -len(_END))
_MARK = slice(_DIGEST.start - len(_BEFORE_DIGEST), _DIGEST.start)
# What the first line of a file and every note begin with, and what an answer's line without a digest ends with.
_OF_NO_CALL = b'{"time": "'
_END_WITHOUT_DIGEST = b"}}\n"

# A row is found by the first 8 bytes of its key, and known by all of it.
_INDEX = pl.Schema({"prefix": pl.UInt64, "offset": pl.UInt64, "length": pl.UInt32})


_decoder = json.JSONDecoder()


@dataclasses.dataclass(frozen=True)
class Line:
    """An answer as the ledger holds it. `digest` is the SHA-256 of the response, in 32 bytes.

    `endpoint` is the URL that was asked; None of local weights, and of what was written before files said so.
    """

    response: Response
    digest: bytes
    endpoint: str | None = None


class Ledger:
    """All answers that a folder holds.

    `written_by` says for whom calls are recorded, as JSON values: a job's record, code and commit, and the `endpoint`
    that it asks. What is known of the process itself (host, versions, device) is added.
    """

    def __init__(self, folder: str | Path, written_by: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.written_by = dict(written_by or {})

    def part(self, respondent: Respondent) -> Path:
        """The folder of one respondent's calls."""
        return self.folder / digests.of_value(dict(respondent))[:16]

    def answered(self, respondent: Respondent) -> Answered:
        """Where the answers of a respondent stand, as of now."""
        return Answered(self.part(respondent))

    def responses(self, respondent: Respondent, keys: Iterable[str]) -> dict[str, Response]:
        """The recorded response for each of the keys that has one."""
        return self.answered(respondent).read(keys)

    def notes(self, respondent: Respondent) -> list[dict[str, Any]]:
        """What engines noted about calls on their way, each writer's notes in their order."""
        paths = sorted(self.part(respondent).glob(f"*{NOTES}"))
        found = [_parsed(path, *place) for path in paths for place in _complete_lines(path, 0)]
        return [note for note in found if "writer" not in note]

    def writer(self, respondent: Respondent) -> Writer:
        """A writer for one respondent's calls; use it in a `with` statement."""
        return Writer(self.part(respondent), respondent, self.written_by)

    def write_indexes(self, respondent: Respondent) -> None:
        """Bring the indexes of a respondent's long files up to date."""
        for path in sorted(self.part(respondent).glob(f"*{ANSWERS}")):
            indexed, covered = _read_index(path)
            if path.stat().st_size - covered > UNINDEXED_BYTES:
                tail, end = _scan(path, covered)
                with complete_files.replacing(_index_path(path)) as partial:
                    pl.concat([indexed, tail]).write_parquet(partial, metadata={"covered": str(end)})


class Answered:
    """Where the answers of one respondent stand, at 24 bytes of memory a row.

    Where two processes asked the same row at once, the earliest answer counts, for every reader alike. A row that was
    unanswerable once and was answered later is answered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # How far each file has been read.
        self._ends: dict[Path, int] = {}
        self._rows = _INDEX.to_frame().with_columns(file=pl.lit(None, dtype=pl.UInt32))
        self.refresh()

    def refresh(self, names: Iterable[str] = ()) -> bool:
        """Take in the answers that were written since; only new bytes are read. True if there are any.

        `names` are files that are known to be written to: a shared file system may be late to list a file of another
        host, or to tell its size, unless it is opened.
        """
        named = {self._folder / name for name in names}
        known = len(self._ends)
        new = {path for path in {*self._folder.glob(f"*{ANSWERS}"), *named} - self._ends.keys() if path.exists()}
        self._ends.update(dict.fromkeys(sorted(new), 0))
        frames = [self._rows]
        for number, (path, begin) in enumerate(list(self._ends.items())):
            file = pl.lit(number, dtype=pl.UInt32)
            if number >= known:
                indexed, begin = _read_index(path)
                frames.append(indexed.with_columns(file=file))
            elif path not in named and path.stat().st_size == begin:
                continue
            tail, self._ends[path] = _scan(path, begin)
            frames.append(tail.with_columns(file=file))
        rows = pl.concat(frames)
        more = rows.height > self._rows.height
        if more:
            self._rows = rows.sort("prefix")
        self._prefixes = self._rows["prefix"].to_numpy()
        return more

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an answer, as the indexes have it: no line is read."""
        listed = list(keys)
        first, behind = self._places(listed)
        return {key for key, is_there in zip(listed, behind > first, strict=True) if is_there}

    def read(self, keys: Iterable[str]) -> dict[str, Response]:
        """The response for each of the keys that has one."""
        return {key: line.response for key, line in self.lines(keys).items()}

    def lines(self, keys: Iterable[str]) -> dict[str, Line]:
        """The line for each of the keys that has an answer. Raises UserError for a damaged one."""
        wanted = set(keys)
        first, behind = self._places(wanted)
        rows = [row for begin, end in zip(first, behind, strict=True) for row in range(begin, end)]
        places = self._rows[rows].sort("file", "offset")
        paths = list(self._ends)
        found: dict[str, tuple[tuple[bool, str], Line]] = {}
        for number, of_file in places.group_by("file", maintain_order=True):
            path = paths[int(number[0])]
            with open(path, "rb") as file:
                for offset, length in of_file.select("offset", "length").iter_rows():
                    line = os.pread(file.fileno(), length, offset)
                    if not _is_answer(line):
                        raise _damaged(path, offset)
                    key, time = line[_KEY].decode(), line[_TIME].decode()
                    if key not in wanted:
                        continue
                    answer = _answer(path, offset, line, _endpoint(path))
                    rank = answer.response.finish_reason == UNANSWERABLE, time
                    if key not in found or rank < found[key][0]:
                        found[key] = rank, answer
        return {key: line for key, (_, line) in found.items()}

    def answered_twice(self, keys: Iterable[str]) -> int:
        """How many of the keys have more than one answer."""
        first, behind = self._places(keys)
        return int(np.count_nonzero(behind - first > 1))

    def _places(self, keys: Iterable[str]) -> tuple[Any, Any]:
        prefixes = np.array([_prefix(key) for key in keys], dtype=np.uint64)
        return np.searchsorted(self._prefixes, prefixes, "left"), np.searchsorted(self._prefixes, prefixes, "right")


class Writer:
    """Appends calls to files of its own, which are created with the first of them."""

    def __init__(self, folder: Path, respondent: Respondent, written_by: Mapping[str, Any]) -> None:
        self.folder = folder
        self.respondent = respondent
        self.written_by = written_by
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            os.fsync(file.fileno())
            file.close()

    def append(self, request: Request, result: Response | Failure) -> tuple[bytes, bytes]:
        """Record one call. The line is in the operating system's hands when this returns.

        Returns the key, and the digest of the response or of the reason for a failure, in 32 bytes each.
        """
        record: dict[str, Any] = {"key": request.key(self.respondent), "time": _now()}
        if isinstance(result, Response):
            response = result.as_record()
            digest = digests.of_value(response)
            record |= {"response": response, "request": request.as_record(), "digest": digest}
        else:
            digest = digests.of_value(result.reason)
            record |= {"failure": result.reason, "request": request.as_record()}
        self._append(ANSWERS, record)
        return bytes.fromhex(record["key"]), bytes.fromhex(digest)

    def note(self, **values: Any) -> None:
        """Record something about calls on their way, such as the batch that they are in; on disk when this returns."""
        self._append(NOTES, {"time": _now(), **values})
        os.fsync(self._files[NOTES].fileno())

    def sync(self) -> None:
        """Have the answers on disk when this returns, and so before the eyes of other hosts."""
        if ANSWERS in self._files:
            os.fsync(self._files[ANSWERS].fileno())

    def make_part(self) -> None:
        """Make sure that the respondent's folder is there and says whose it is."""
        make_alike(self.folder)
        path, text = self.folder / "respondent.json", digests.canonical_json(dict(self.respondent)) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
            complete_files.write_text(path, text)

    def _append(self, kind: str, record: dict[str, Any]) -> None:
        if kind not in self._files:
            self.make_part()
            self._files[kind] = open(self.folder / f"{self.name}{kind}", "xb")  # noqa: SIM115 (closed in __exit__)
            self._write(kind, {"time": _now(), "writer": _this_writer() | dict(self.written_by)})
        self._write(kind, record)

    def _write(self, kind: str, record: dict[str, Any]) -> None:
        file = self._files[kind]
        file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        file.flush()


def make_alike(folder: Path) -> None:
    """Make a folder whose permissions are those of the one that it lies in: who shares that one shares it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(folder.parent.stat().st_mode & 0o7777)


@functools.cache
def _this_writer() -> dict[str, Any]:
    """What is known of this process when it writes its first line; a device is known once it is used."""
    return {"pid": os.getpid(), **processes.this()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _complete_lines(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """The lines from byte `start` on, each with its place; a last line without its line feed was torn."""
    with open(path, "rb") as file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                yield start, line
                start += len(line)


def _scan(path: Path, start: int) -> tuple[pl.DataFrame, int]:
    """Where the answers from byte `start` on stand, and the byte behind the last complete line.

    Raises UserError for a line that is none of the ledger's.
    """
    prefixes, offsets, lengths = [], [], []
    end = start
    for offset, line in _complete_lines(path, start):
        end = offset + len(line)
        if _is_answer(line):
            prefixes.append(_prefix(line[_KEY].decode()))
            offsets.append(offset)
            lengths.append(len(line))
        elif not _is_failure(line) and not line.startswith(_OF_NO_CALL):
            raise _damaged(path, offset)
    return pl.DataFrame([prefixes, offsets, lengths], schema=_INDEX), end


def _is_answer(line: bytes) -> bool:
    return _is_call(line) and line[_KIND] == _BEFORE_RESPONSE and line.endswith(b"\n")


def _is_failure(line: bytes) -> bool:
    return _is_call(line) and line[_KIND.start :].startswith(_BEFORE_FAILURE)


def _is_call(line: bytes) -> bool:
    key = line[_KEY]
    return line.startswith(_BEFORE_KEY) and not key.strip(b"0123456789abcdef") and len(key) == 64


def _damaged(path: Path, offset: int) -> UserError:
    return UserError(
        f"{path}, byte {offset}: this line of the ledger is damaged: it is not what was written there. Put the file "
        f"back from a copy; or delete the line and, if there is one, {_index_path(path).name}: its call is then made "
        "again."
    )


def _prefix(key: str) -> int:
    return int(key[:16], 16)


@functools.cache
def _endpoint(path: Path) -> str | None:
    """The URL that the writer of a file asked, which its first line says."""
    with open(path, "rb") as file:
        line = file.readline()
    writer = _parsed(path, 0, line).get("writer", {}) if line.startswith(_OF_NO_CALL) else {}
    endpoint: str | None = writer.get("endpoint")
    return endpoint


def _answer(path: Path, offset: int, line: bytes, endpoint: str | None) -> Line:
    """The response in an answer's line, and its digest; what follows it is not parsed."""
    try:
        values, _ = _decoder.raw_decode(line[_KIND.stop :].decode("utf-8", "surrogatepass"))
        digest = digests.of_value(values)
        response = Response(**values)
    except (ValueError, TypeError) as error:
        raise _damaged(path, offset) from error
    if not line.endswith(_END_WITHOUT_DIGEST) and (line[_MARK] != _BEFORE_DIGEST or line[_DIGEST] != digest.encode()):
        raise _damaged(path, offset)
    return Line(response, bytes.fromhex(digest), endpoint)


def _parsed(path: Path, offset: int, line: bytes) -> dict[str, Any]:
    try:
        note: dict[str, Any] = json.loads(line)
        return note
    except ValueError as error:
        raise _damaged(path, offset) from error


def _index_path(answers: Path) -> Path:
    return answers.with_name(answers.name.removesuffix(ANSWERS) + INDEXES)


def _read_index(answers: Path) -> tuple[pl.DataFrame, int]:
    """The index of a file of answers and how many of its bytes it covers: none and 0 where there is none to be read.

    Raises UserError if the file has become shorter than what its index covers.
    """
    path = _index_path(answers)
    if not path.exists():
        return _INDEX.to_frame(), 0
    try:
        # At once, as another process may replace it.
        content = path.read_bytes()
        rows, covered = pl.read_parquet(content), int(pl.read_parquet_metadata(io.BytesIO(content))["covered"])
        if rows.schema != _INDEX:
            return _INDEX.to_frame(), 0
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError):
        return _INDEX.to_frame(), 0
    with open(answers, "rb") as file:
        size = os.fstat(file.fileno()).st_size
    if size < covered:
        raise UserError(
            f"{answers} has {size} bytes, but had {covered} when {path.name} was made: answers have been lost. Put the "
            f"file back from a copy; or delete {path.name}: what was lost is then asked again."
        )
    return rows, covered


def kept_answers(requests: Iterable[Request], respondent: Respondent, ledger: Ledger) -> list[tuple[str, Response]]:
    """The ledger key and response of each request, in order, asking nothing. Raises UserError if one is missing."""
    keys = [request.key(respondent) for request in requests]
    responses = ledger.responses(respondent, set(keys))
    missing = [key for key in keys if key not in responses]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(keys)} answers of {dict(respondent)} are not in the ledger {ledger.folder}, "
            f"the first with key {missing[0]}. Rebuild the receipt of the calls: it asks them."
        )
    return [(key, responses[key]) for key in keys]
