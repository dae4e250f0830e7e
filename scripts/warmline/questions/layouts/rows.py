"""Rows of benchmark files in any format, JSON lines, CSV with a header or Parquet, and what a layout makes of them.

A file's name says its format: `.csv`, `.parquet`, else JSON lines.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from warmline.lineage.errors import UserError, bad_row
from warmline.sources import text_files

REPEATED = "repeats an earlier question"
SAME_OPTION = "offers one option twice"
REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Question:
    """A question as a layout reads it; None and no answers for a task that knows none."""

    question: str
    right_answer: str | None
    wrong_answer: str | None
    right_answers: list[str]
    wrong_answers: list[str]


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a file: its number there from 1, and its fields. `expected` says what a row should look like."""

    path: Path
    number: int
    fields: Mapping[str, Any]
    expected: str

    def bad(self, found: str) -> UserError:
        """The error for this row."""
        return bad_row(self.path, self.number, found, self.expected)

    def text(self, name: str) -> str:
        """The text of a field, without blanks around it. Raises UserError if there is none."""
        value = self.fields.get(name)
        text = clean(value) if isinstance(value, str) else ""
        if not text:
            raise self.bad(f"no text under {name!r}")
        return text

    def texts(self, name: str, separator: str = ";") -> list[str]:
        """The texts of a field that lists several, in a list or between separators; none where it is missing or empty.

        Raises UserError if it holds anything but texts.
        """
        value = self.fields.get(name)
        listed = value.split(separator) if isinstance(value, str) else value or []
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise self.bad(f"an {name!r} that is no text")
        return [text for text in map(clean, listed) if text]

    def within(self, name: str) -> Row:
        """The row that a field holds. Raises UserError if it holds none."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self.bad(f"no {name!r}")
        return dataclasses.replace(self, fields=value)


Found = tuple[Row, Question | str]
"""A row and its question, or the reason why it has none."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """A benchmark's layout: what a row holds, in words; how rows become questions; how a file is opened.

    `dataset` tells which of several data sets in one file a row belongs to.
    """

    expected: str
    questions: Callable[[Iterable[Row]], Iterator[Found]]
    open: Callable[[Path, str], Iterator[Row]] | None = None
    dataset: Callable[[Row], str | None] | None = None

    def rows(self, path: Path) -> Iterator[Row]:
        """The rows of a file, in order."""
        return (self.open or open_rows)(path, self.expected)


def clean(text: str) -> str:
    """The text without blanks around it, with one kind of line break, and with a mark in place of half characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    return SURROGATE.sub(REPLACEMENT, text).strip()


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts, each once, in order."""
    return list(dict.fromkeys(texts))


def open_rows(path: Path, expected: str) -> Iterator[Row]:
    """The rows of a file by its format. Raises UserError, with the row, where the format is violated."""
    readers = {".csv": _csv_rows, ".parquet": _parquet_rows}
    return readers.get(path.suffix.lower(), _json_rows)(path, expected)


def csv_records(path: Path, expected: str, columns: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file, a header among them, numbered from 1.

    Commas, semicolons or tabs divide its columns: those that make `columns` of the first record, else those that make
    the most.
    """
    number = 0
    try:
        divider = _divider(path, columns)
        with text_files.open_text(path, newline="") as file:
            records = (record for record in csv.reader(file, delimiter=divider, strict=True) if record)
            for number, record in enumerate(records, start=1):
                yield number, record
    except csv.Error as error:
        raise bad_row(path, number + 1, f"not CSV ({error})", expected) from error
    except UnicodeDecodeError as error:
        raise text_files.not_text(path, error) from error


def _divider(path: Path, columns: int | None) -> str:
    made: dict[str, int] = {}
    for divider in (",", ";", "\t"):
        with text_files.open_text(path, newline="") as file:
            # Quotes may be wrong by the dividers that are not the file's.
            made[divider] = len(next(filter(None, csv.reader(file, delimiter=divider)), []))
    fitting = [divider for divider, number in made.items() if number == columns]
    return fitting[0] if fitting else max(made, key=made.__getitem__)


def _csv_rows(path: Path, expected: str) -> Iterator[Row]:
    header: list[str] = []
    for number, record in csv_records(path, expected):
        if number == 1:
            header = [name.strip() for name in record]
            if doubled := [name for name in header if name and header.count(name) > 1]:
                raise UserError(f"{path}: several columns are called {doubled[0]!r}. Rename or remove all but one.")
            continue
        row = Row(path, number - 1, dict(zip(header, record, strict=False)), expected)
        # Columns that are missing at the end are empty ones; text that belongs to none is a mistake.
        if len(record) > len(header):
            raise row.bad(f"{len(record)} values under {len(header)} columns")
        yield row


def _parquet_rows(path: Path, expected: str) -> Iterator[Row]:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path}: not a Parquet file ({str(error)[:200]}). Correct the source.") from error
    for number, fields in enumerate(frame.iter_rows(named=True), start=1):
        yield Row(path, number, fields, expected)


def _json_rows(path: Path, expected: str) -> Iterator[Row]:
    try:
        # Not universal newlines: a text may hold U+2028 and its like, which end no line of JSON.
        with text_files.open_text(path, newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield Row(path, number, _json_object(line, path, number, expected), expected)
    except UnicodeDecodeError as error:
        raise text_files.not_text(path, error) from error


def _json_object(line: str, path: Path, number: int, expected: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise bad_row(path, number, f"not JSON ({reason})", expected) from error
    if not isinstance(fields, dict):
        raise bad_row(path, number, "not a JSON object", expected)
    return fields
