"""Identities by content: of values and of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

State = tuple[int, int, int, int]


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no blanks, UTF-8 kept; NaN and infinities are refused (ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def of_value(value: Any) -> str:
    """SHA-256, as 64 hexadecimal digits, of a JSON value."""
    return of_text(canonical_json(value))


def of_text(text: str) -> str:
    """SHA-256, as 64 hexadecimal digits, of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_file(path: str | Path) -> str:
    """SHA-256, as 64 hexadecimal digits, of a file's bytes; memory does not grow with the file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state(path: str | Path) -> State:
    """What shows that a file is as it was when it was last read, as in git's index: size, times and inode."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def of_files(paths: Iterable[str | Path]) -> str:
    """One SHA-256 for several files of one folder: their names and contents, in the order of the names."""
    return of_value({Path(path).name: of_file(path) for path in paths})
