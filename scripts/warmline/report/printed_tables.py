"""Tables as a page prints them: every cell a text, and the files that the numbers come from."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import polars as pl

MISSING = "\u2013"
MINUS = "\u2212"

Content = TypeVar("Content")


@dataclasses.dataclass(frozen=True)
class Source(Generic[Content]):
    """What was read from a file, and the file's path as seen from the page's folder."""

    path: PurePosixPath
    content: Content

    @property
    def href(self) -> str:
        return quote(str(self.path))

    @property
    def name(self) -> str:
        """The path within the study."""
        return re.sub(r"^(\.\./)+", "", str(self.path))

    def beside(self, suffix: str) -> Source[None]:
        """The file beside it that differs in its suffix."""
        return Source(self.path.with_suffix(suffix), None)


Frame = Source[pl.DataFrame]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column to print: its name in the frame, its heading, and how a number is printed.

    Without `printed` it holds texts, and the first such columns name the row. Whole sentences, `prose`, need room.
    """

    name: str
    heading: str
    printed: Callable[[Any], str] | None = None
    prose: bool = False


def named(*names: str) -> list[Column]:
    """Columns of texts whose headings are their own names."""
    return [Column(name, name.capitalize()) for name in names]


@dataclasses.dataclass(frozen=True)
class Table:
    """A printed table and its sources."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    sources: Sequence[Source[Any]]

    @property
    def names(self) -> int:
        """How many columns, from the left, name the row."""
        numeric = [column.printed is not None for column in self.columns]
        return numeric.index(True) if True in numeric else 1


@dataclasses.dataclass(frozen=True)
class Fold:
    """Tables behind one line that opens them."""

    summary: str
    tables: Sequence[Table]


def printed(frame: pl.DataFrame, caption: str, columns: Sequence[Column], sources: Sequence[Source[Any]]) -> Table:
    """The columns of a frame as texts, rows in the frame's order; what is missing or not finite becomes a dash."""
    rows = [[_text(row[column.name], column) for column in columns] for row in frame.iter_rows(named=True)]
    return Table(caption, columns, rows, sources)


def _text(value: Any, column: Column) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    return str(value) if column.printed is None else column.printed(value).replace("-", MINUS)


def count(value: int) -> str:
    """A whole number: 12,345."""
    return f"{value:,}"


def number(digits: int) -> Callable[[float], str]:
    """A printer of numbers with this number of digits after the point."""
    return lambda value: f"{_unsigned_zero(value, digits):.{digits}f}"


def signed(digits: int) -> Callable[[float], str]:
    """A printer of differences: as `number`, with a sign unless zero is printed."""

    def with_sign(value: float) -> str:
        rounded = _unsigned_zero(value, digits)
        return f"{rounded:{'+' if rounded else ''}.{digits}f}"

    return with_sign


def _unsigned_zero(value: float, digits: int) -> float:
    return float(f"{value:.{digits}f}") or 0.0


def probability(value: float) -> str:
    """A p- or q-value: three digits after the point; below those, that it is below."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"
