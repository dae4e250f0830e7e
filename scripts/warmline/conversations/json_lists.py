"""The items of a JSON list, one after the other: a file larger than memory can be read, and a bad item has a number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from warmline.lineage.errors import UserError
from warmline.sources import text_files

CHUNK = 1 << 22
BLANKS = " \t\r\n"
# What the decoder cannot tell from the end of its text ends so close to it: a broken escape or a literal.
TAIL = 16


def items(path: Path, expected: str, chunk: int = CHUNK) -> Iterator[Any]:
    """The items of the list that a file holds. `chunk` is the number of characters that are read together.

    Raises UserError, with line and column, if the file is not JSON, and if it holds anything but one list.
    """
    try:
        with text_files.open_text(path, newline="") as file:
            yield from _Reader(file, path, expected, chunk).items()
    except UnicodeDecodeError as error:
        raise text_files.not_text(path, error) from error


class _Reader:
    """The part of a file that is in memory; `at` is where the next item may begin.

    `lines` and `columns` count what was let go of before that part.
    """

    def __init__(self, file: TextIO, path: Path, expected: str, chunk: int) -> None:
        self.file, self.path, self.expected, self.chunk = file, path, expected, chunk
        self.text, self.at = "", 0
        self.lines, self.columns = 0, 0
        self.decode = json.JSONDecoder().raw_decode

    def items(self) -> Iterator[Any]:
        first = self._next()
        if first == "":
            raise self._error("Expecting value")
        if first != "[":
            raise UserError(f"{self.path}: expected {self.expected}.")
        self.at += 1
        if self._next() == "]":
            self.at += 1
        else:
            while True:
                self._next()
                yield self._item()
                mark = self._next()
                if mark not in (",", "]"):
                    raise self._error("Expecting ',' delimiter")
                self.at += 1
                if mark == "]":
                    break
        if self._next() != "":
            raise self._error("Extra data")

    def _next(self) -> str:
        """The next character that is no blank, without passing it; empty at the end of the file."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in BLANKS:
                    return self.text[self.at]
                self.at += 1
            if not self._more(self.chunk):
                return ""

    def _item(self) -> Any:
        wanted = self.chunk
        while True:
            try:
                item, end = self.decode(self.text, self.at)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - TAIL
                if not unfinished or not self._more(wanted):
                    self.at = error.pos
                    raise self._error(error.msg) from error
                # Twice as much each time, so that a long item is not begun anew too often.
                wanted *= 2
            except (ValueError, RecursionError) as error:
                raise self._error(type(error).__name__) from error
            else:
                # A number may go on in the next chunk: the 1 of "1e+" is read as one.
                if end < len(self.text) - 2 or not self._more(wanted):
                    self.at = end
                    return item

    def _more(self, characters: int) -> bool:
        """Read on, letting go of what has been passed; False, and nothing changes, at the end of the file."""
        read = self.file.read(characters)
        if read:
            passed = self.text[: self.at]
            breaks = passed.count("\n")
            self.lines += breaks
            self.columns = len(passed) - passed.rfind("\n") - 1 if breaks else self.columns + len(passed)
            self.text, self.at = self.text[self.at :] + read, 0
        return bool(read)

    def _error(self, found: str) -> UserError:
        passed = self.text[: self.at]
        line = self.lines + passed.count("\n") + 1
        column = self.at - passed.rfind("\n") if "\n" in passed else self.columns + self.at + 1
        return UserError(f"{self.path}, line {line}, column {column}: not JSON ({found}). Correct the file.")
