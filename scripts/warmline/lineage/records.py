"""The records of jobs: who made which files from what, when, and with which code (lineage rule 9).

A record has a name, `audit/jobs/<rule>/<name>=<value>,...`, which says whose it is. The file of this name, `.jsonl`,
has a line for each time that the job was carried out. The last line says what lies on disk now; none is ever changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from warmline.lineage import digests

Record = dict[str, Any]

FORMAT = 2
"""Of the records that are written now. Those of version 0.1.0 name none."""


def path(name: str) -> Path:
    """The file of a job's records."""
    return Path(f"{name}.jsonl")


def last(name: str) -> Record | None:
    """What a job did when it was last carried out; None if there is no record of it."""
    found = map(_record, reversed(_lines(name)))
    return next((record for record in found if record is not None), None)


def history(name: str) -> list[Record]:
    """All records of a job, oldest first. A line that was cut off when its job was killed counts as none."""
    return [record for record in map(_record, _lines(name)) if record is not None]


def beside(name: str, rule: str, **wildcards: str) -> str:
    """The name of the record of another job of the same study."""
    labels = ",".join(f"{wildcard}={value}" for wildcard, value in wildcards.items())
    return f"{name.rpartition('audit/jobs/')[0]}audit/jobs/{rule}/{labels}"


def files(record: Record, kind: str) -> dict[str, str]:
    """The digest of each file among a record's `inputs` or `outputs`, by its path."""
    return {path: digest for named in record.get(kind, {}).values() for path, digest in named.items()}


def made_from(name: str, inputs: Iterable[Path]) -> Path | None:
    """The file that a job made last, if it is as it was made, and so are these files that it was made from.

    None otherwise, or if there is no record that says so.
    """
    record = last(name) or {}
    outputs, read = (files(record, kind) for kind in ("outputs", "inputs"))
    holds = len(outputs) == 1 and all(
        Path(path).is_file() and digests.of_file(path) == known
        for path, known in [*outputs.items(), *((str(path), read.get(str(path))) for path in inputs)]
    )
    return Path(*outputs) if holds else None


def append(name: str, record: Record) -> None:
    """Add a record to a job's file."""
    file = path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    cut_off = file.exists() and not file.read_bytes().endswith(b"\n")
    with open(file, "ab") as lines:
        lines.write((b"\n" if cut_off else b"") + _line(record))


def take_over(name: str) -> None:
    """Make the record that version 0.1.0 kept of a job, in a file that Snakemake removes, the first of its history."""
    if not path(name).exists() and (record := last(name)):
        append(name, record)
    _earlier(name).unlink(missing_ok=True)


def digest(record: Record) -> str:
    """By which other records name this one."""
    return digests.of_value(record)


def rule_and_wildcards(name: str) -> tuple[str, dict[str, str]]:
    """What a record's name says of its job."""
    # A wildcard may hold a path, as the names of files from the hub do.
    rule, _, labels = name.rpartition("audit/jobs/")[2].partition("/")
    pairs = (part.split("=", 1) for part in labels.split(",") if "=" in part)
    return rule, {wildcard: value for wildcard, value in pairs}


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n"


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _lines(name: str) -> list[bytes]:
    try:
        return path(name).read_bytes().split(b"\n")
    except (FileNotFoundError, IsADirectoryError):
        pass
    try:
        return [_earlier(name).read_bytes()]
    except FileNotFoundError:
        return []


def _earlier(name: str) -> Path:
    return Path(f"{name}.json")
