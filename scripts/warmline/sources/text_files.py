"""Text files as people save them: UTF-8 with or without a byte-order mark, or UTF-16 with one."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

from warmline.lineage.errors import UserError

_SHOWN = 20


def open_text(path: Path, newline: str) -> TextIO:
    """Open a file for reading. `newline` is as in `open`."""
    with open(path, "rb") as file:
        mark = file.read(2)
    encoding = "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return open(path, encoding=encoding, newline=newline)


def not_text(path: Path, error: UnicodeDecodeError) -> UserError:
    """The error for a file in another encoding: its line, and the text there read as Windows saves it in the West."""
    if error.encoding.startswith("utf-16"):
        return UserError(f"{path}: not UTF-16, although it begins as such ({error.reason}). Save the file as UTF-8.")
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as found:
                near = line[max(0, found.start - _SHOWN) : found.start + _SHOWN].decode("cp1252", "replace").strip()
                return UserError(
                    f"{path}, line {number}: not UTF-8, at {near!r} as Windows-1252 would read it. Save the file as "
                    f"UTF-8; if this reads right: iconv -f WINDOWS-1252 -t UTF-8 '{path}'"
                )
    return UserError(f"{path}: not UTF-8 ({error.reason}). Save the file as UTF-8.")
