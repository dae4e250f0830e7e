"""When two texts of a source are the same: they differ in nothing but case, blanks or their form in Unicode."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import polars as pl


def form(text: str) -> str:
    """What equal texts have in common."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def forms(texts: pl.Expr) -> pl.Expr:
    """The same of a column."""
    return texts.map_elements(form, pl.String)


def any_same(texts: Iterable[str]) -> bool:
    """Whether two of the texts are the same."""
    found = [form(text) for text in texts]
    return len(set(found)) < len(found)
