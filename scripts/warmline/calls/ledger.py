"""The ledger: an append-only record of every model call, shared by all studies (lineage rule 6).

One folder per respondent holds JSON lines, one file per writing process, flushed line by line. A process that is
killed loses at most the line it was writing: a torn last line is ignored. Answers are never rewritten, so the files are
safe on NFS and Lustre without locks.

Every line of an answer begins with its key, its time and its kind, all of fixed width, so that a reader finds what it
wants without parsing the rest. Long files have an index beside them, `*.keys.parquet`: where each answer stands, up to
a given byte. An index is made from its file alone, so it can be deleted, and is replaced in one step.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import socket
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from warmline.calls.requests import Failure, Request, Respondent, Response
from warmline.lineage import complete_files, digests
from warmline.lineage.errors import UserError

ANSWERS = ".answers.jsonl"
NOTES = ".notes.jsonl"
INDEXES = ".keys.parquet"
# Scanning a file this long takes milliseconds: an index beside it would save nothing.
UNINDEXED_BYTES = 1_000_000

_BEFORE_KEY = b'{"key": "'
_BEFORE_TIME = b'", "time": "'
_BEFORE_RESPONSE = b'", "response": '
_KEY = slice(len(_BEFORE_KEY), len(_BEFORE_KEY) + 64)
_TIME = slice(_KEY.stop + len(_BEFORE_TIME), _KEY.stop + len(_BEFORE_TIME) + 32)
_KIND = slice(_TIME.stop, _TIME.stop + len(_BEFORE_RESPONSE))

# A row is found by the first 8 bytes of its key, and known by all of it.
_INDEX = pl.Schema({"prefix": pl.UInt64, "offset": pl.UInt64, "length": pl.UInt32})


_decoder = json.JSONDecoder()


class Ledger:
    """All answers that a folder holds."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

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
        return [json.loads(line) for path in paths for _, line in _complete_lines(path, 0)]

    def writer(self, respondent: Respondent) -> Writer:
        """A writer for one respondent's calls; use it in a `with` statement."""
        return Writer(self.part(respondent), respondent)

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

    Where two processes asked the same row at once, the earliest answer counts, for every reader alike.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(folder.glob(f"*{ANSWERS}"))
        frames = [_INDEX.to_frame().with_columns(file=pl.lit(None, dtype=pl.UInt32))]
        for number, path in enumerate(self._paths):
            indexed, covered = _read_index(path)
            tail, _ = _scan(path, covered)
            frames.append(pl.concat([indexed, tail]).with_columns(file=pl.lit(number, dtype=pl.UInt32)))
        self._rows = pl.concat(frames).sort("prefix")
        self._prefixes = self._rows["prefix"].to_numpy()

    def read(self, keys: Iterable[str]) -> dict[str, Response]:
        """The response for each of the keys that has one."""
        wanted = set(keys)
        prefixes = np.array([_prefix(key) for key in wanted], dtype=np.uint64)
        first, behind = (np.searchsorted(self._prefixes, prefixes, side) for side in ("left", "right"))
        rows = [row for begin, end in zip(first, behind, strict=True) for row in range(begin, end)]
        places = self._rows[rows].sort("file", "offset")
        found: dict[str, tuple[str, Response]] = {}
        for number, of_file in places.group_by("file", maintain_order=True):
            with open(self._paths[int(number[0])], "rb") as file:
                for offset, length in of_file.select("offset", "length").iter_rows():
                    line = os.pread(file.fileno(), length, offset)
                    key, time = line[_KEY].decode(), line[_TIME].decode()
                    if key in wanted and (key not in found or time < found[key][0]):
                        found[key] = time, _response(line)
        return {key: response for key, (_, response) in found.items()}


class Writer:
    """Appends calls to files of its own, which are created with the first of them."""

    def __init__(self, folder: Path, respondent: Respondent) -> None:
        self.folder = folder
        self.respondent = respondent
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            os.fsync(file.fileno())
            file.close()

    def append(self, request: Request, result: Response | Failure) -> None:
        """Record one call. The line is in the operating system's hands when this returns."""
        record: dict[str, Any] = {"key": request.key(self.respondent), "time": _now()}
        if isinstance(result, Response):
            record["response"] = dataclasses.asdict(result)
        else:
            record["failure"] = result.reason
        self._append(ANSWERS, record | {"request": request.as_record()})

    def note(self, **values: Any) -> None:
        """Record something about calls on their way, such as the batch that they are in; on disk when this returns."""
        self._append(NOTES, {"time": _now(), **values})
        os.fsync(self._files[NOTES].fileno())

    def _append(self, kind: str, record: dict[str, Any]) -> None:
        if kind not in self._files:
            self.folder.mkdir(parents=True, exist_ok=True)
            respondent = self.folder / "respondent.json"
            if not respondent.exists():
                complete_files.write_text(respondent, digests.canonical_json(dict(self.respondent)) + "\n")
            self._files[kind] = open(self.folder / f"{self._name}{kind}", "xb")  # noqa: SIM115 (closed in __exit__)
        file = self._files[kind]
        file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        file.flush()


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
    """Where the answers from byte `start` on stand, and the byte behind the last complete line."""
    prefixes, offsets, lengths = [], [], []
    end = start
    for offset, line in _complete_lines(path, start):
        end = offset + len(line)
        if line[_KIND] == _BEFORE_RESPONSE:
            prefixes.append(_prefix(line[_KEY].decode()))
            offsets.append(offset)
            lengths.append(len(line))
    return pl.DataFrame([prefixes, offsets, lengths], schema=_INDEX), end


def _prefix(key: str) -> int:
    return int(key[:16], 16)


def _response(line: bytes) -> Response:
    """The response in an answer's line; what follows it is not parsed."""
    values, _ = _decoder.raw_decode(line[_KIND.stop :].decode("utf-8", "surrogatepass"))
    return Response(**values)


def _index_path(answers: Path) -> Path:
    return answers.with_name(answers.name.removesuffix(ANSWERS) + INDEXES)


def _read_index(answers: Path) -> tuple[pl.DataFrame, int]:
    """The index of a file of answers and how many of its bytes it covers: none and 0 where there is no index."""
    path = _index_path(answers)
    if not path.exists():
        return _INDEX.to_frame(), 0
    return pl.read_parquet(path), int(pl.read_parquet_metadata(path)["covered"])


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
