"""Identities by content: of values and of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no blanks, UTF-8 kept; NaN and infinities are refused (ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def of_value(value: Any) -> str:
    """SHA-256, as 64 hexadecimal digits, of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def of_file(path: str | Path) -> str:
    """SHA-256, as 64 hexadecimal digits, of a file's bytes; memory does not grow with the file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_files(paths: Iterable[str | Path]) -> str:
    """One SHA-256 for several files of one folder: their names and contents, in the order of the names."""
    return of_value({Path(path).name: of_file(path) for path in paths})
