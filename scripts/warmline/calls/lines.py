"""A line of the ledger: one call, or who writes a file, or something that an engine noted.

Every line of an answer begins with its key, its time and its kind, all of fixed width, so that a reader finds what it
wants without parsing the rest, and ends with the digest of its response: SHA-256 over the canonical JSON. Lines of
0.1.0 have no digest. A line that is not what was written is an error, never an answer.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmline.calls.requests import Failure, Request, Response
from warmline.lineage import digests
from warmline.lineage.errors import UserError

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
# What the first line says, behind its time, and the last one of a file that its writer has closed.
_AFTER_TIME = slice(len(_OF_NO_CALL) + 32, None)
_WRITER = b'", "writer": '
_END_OF_FILE = b'", "closed": true}\n'
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)

_decoder = json.JSONDecoder()


@dataclasses.dataclass(frozen=True)
class Line:
    """An answer as the ledger holds it. `digest` is the SHA-256 of the response, in 32 bytes.

    `endpoint` is the URL that was asked; None of local weights, and of what was written before files said so.
    """

    response: Response
    digest: bytes
    endpoint: str | None = None


@dataclasses.dataclass(frozen=True)
class Written:
    """A call as it was written: its line, key and digest in 32 bytes each, and its time in microseconds since 1970."""

    line: bytes
    key: bytes
    digest: bytes
    time: int


def of_call(key: str, request: Request, result: Response | Failure) -> Written:
    """The line of a call; the digest is that of the response, or of the reason for a failure."""
    now = datetime.datetime.now(datetime.UTC)
    record: dict[str, Any] = {"key": key, "time": now.isoformat(timespec="microseconds")}
    if isinstance(result, Response):
        response = result.as_record()
        digest = digests.of_value(response)
        record |= {"response": response, "request": request.as_record(), "digest": digest}
    else:
        digest = digests.of_value(result.reason)
        record |= {"failure": result.reason, "request": request.as_record()}
    return Written(_line(record), bytes.fromhex(key), bytes.fromhex(digest), (now - _EPOCH) // _MICROSECOND)


def of_writer(writer: Mapping[str, Any]) -> bytes:
    """The first line of a file: who writes it."""
    return of_note({"writer": dict(writer)})


def of_end() -> bytes:
    """The last line of a file."""
    return of_note({"closed": True})


def of_note(values: Mapping[str, Any]) -> bytes:
    """The line of something that an engine notes."""
    return _line({"time": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"), **values})


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def is_answer(line: bytes) -> bool:
    """Whether a line is that of a call which was answered."""
    return is_call(line) and line[_KIND] == _BEFORE_RESPONSE and line.endswith(b"\n")


def is_other(line: bytes) -> bool:
    """Whether a line is one of the ledger's, and no answer's."""
    return line.startswith(_OF_NO_CALL) or (is_call(line) and line[_KIND.start :].startswith(_BEFORE_FAILURE))


def is_call(line: bytes) -> bool:
    """Whether a line is that of a call."""
    key = line[_KEY]
    return line.startswith(_BEFORE_KEY) and not key.strip(b"0123456789abcdef") and len(key) == 64


def key_of(line: bytes) -> bytes:
    """The key of a call, in 32 bytes."""
    return bytes.fromhex(line[_KEY].decode())


def time_of(line: bytes) -> int:
    """The time of a call, in microseconds since 1970. Raises ValueError if there is none."""
    return (datetime.datetime.fromisoformat(line[_TIME].decode()) - _EPOCH) // _MICROSECOND


def answer(line: bytes, path: Path, offset: int, endpoint: str | None = None) -> Line:
    """The response in an answer's line, and its digest; what follows it is not parsed.

    `path` and `offset` say where the line stands. Raises UserError for a damaged one.
    """
    if not is_answer(line):
        raise damaged(path, offset)
    try:
        values, _ = _decoder.raw_decode(line[_KIND.stop :].decode("utf-8", "surrogatepass"))
        digest = digests.of_value(values)
        response = Response(**values)
    except (ValueError, TypeError) as error:
        raise damaged(path, offset) from error
    if not line.endswith(_END_WITHOUT_DIGEST) and (line[_MARK] != _BEFORE_DIGEST or line[_DIGEST] != digest.encode()):
        raise damaged(path, offset)
    return Line(response, bytes.fromhex(digest), endpoint)


def parsed(line: bytes, path: Path, offset: int) -> dict[str, Any]:
    """All that a line says. Raises UserError for a damaged one."""
    try:
        values: dict[str, Any] = json.loads(line)
        return values
    except ValueError as error:
        raise damaged(path, offset) from error


def writer_in(line: bytes, path: Path) -> dict[str, Any]:
    """Who wrote a file, by its first line; empty if that does not say so."""
    writer: dict[str, Any] = parsed(line, path, 0).get("writer", {}) if line.startswith(_OF_NO_CALL) else {}
    return writer


def is_note(line: bytes) -> bool:
    """Whether a line that is no call's is something that an engine noted."""
    return not is_end(line) and not line[_AFTER_TIME].startswith(_WRITER)


def is_end(line: bytes) -> bool:
    """Whether it is the last line that its writer wrote."""
    return line.startswith(_OF_NO_CALL) and line[_AFTER_TIME] == _END_OF_FILE


def damaged(path: Path, offset: int) -> UserError:
    """What a user reads of a damaged line."""
    place = f"{path}, byte {offset} of its lines" if path.suffix == ".zst" else f"{path}, byte {offset}"
    return UserError(f"{place}: this line of the ledger is damaged: it is not what was written there. {remedy(path)}")


def remedy(path: Path) -> str:
    """What to do about a damaged file of the ledger."""
    if path.suffix == ".zst":
        return (
            f"Put the file back from a copy; or save what can be read of it, zstdcat {path.name} > {path.stem}, and "
            "delete it: what is lost is then asked again."
        )
    return (
        "Put the file back from a copy; or delete the line and, if there is one, the file's index beside it: its call "
        "is then made again."
    )
