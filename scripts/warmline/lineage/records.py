"""The records of jobs: who made which files from what, when, and with which code (lineage rule 9).

Each job has one file, `audit/jobs/<rule>/<name>=<value>,....jsonl`, with a line for each time that it was carried out.
The last line says what lies on disk now; none is ever changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warmline.lineage import digests

Record = dict[str, Any]

FORMAT = 2
"""Of the records that are written now. Those of version 0.1.0 name none."""


def last(path: Path) -> Record | None:
    """What a job did when it was last carried out; None if there is no record of it."""
    found = map(_record, reversed(_lines(path)))
    return next((record for record in found if record is not None), None)


def history(path: Path) -> list[Record]:
    """All records of a job, oldest first. A line that was cut off when its job was killed counts as none."""
    return [record for record in map(_record, _lines(path)) if record is not None]


def append(path: Path, record: Record) -> None:
    """Add a record to a job's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = b"" if path.exists() else b"".join(_line(earlier) for earlier in history(path))
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        lines = b"\n"
    with open(path, "ab") as file:
        file.write(lines + _line(record))
    path.with_suffix(".json").unlink(missing_ok=True)


def digest(record: Record) -> str:
    """By which other records name this one."""
    return digests.of_value(record)


def rule_and_wildcards(path: Path) -> tuple[str, dict[str, str]]:
    """What a record's path says of its job."""
    # A wildcard may hold a path, as the names of files from the hub do.
    rule, _, labels = str(path.with_suffix("")).rpartition("audit/jobs/")[2].partition("/")
    pairs = (part.split("=", 1) for part in labels.split(",") if "=" in part)
    return rule, {name: value for name, value in pairs}


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n"


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return _earlier(path)


def _earlier(path: Path) -> list[bytes]:
    """The one record that version 0.1.0 kept of a job, over several lines."""
    try:
        return [path.with_suffix(".json").read_bytes()]
    except FileNotFoundError:
        return []
