"""Oddities of texts that are read and kept: how many rows hold each, for the source's card.

What cannot be used is left out and counted (lineage rule 10); this counts what can, so that a reader of the card sees
markup, languages and remains of other formats before they surprise anyone.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

MARKS = {
    "doubled quotes": '""',
    "markup": r"</?[A-Za-z][^<>\n]*>",
    "a line separator U+2028 or U+2029": r"[\u{2028}\u{2029}]",
    "a byte-order mark": r"\u{feff}",
    "a carriage return": r"\r",
    "a control character": r"[\x00-\x08\x0b\x0c\x0e-\x1f]",
    "a replacement character": r"\u{fffd}",
}
SCRIPTS = ("Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hebrew", "Hiragana", "Katakana", "Thai")


def count(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """Rows of a frame in which one of the text columns holds an oddity, by oddity; those that no row holds left out."""
    patterns = MARKS | {f"{name} letters": rf"\p{{{name}}}" for name in SCRIPTS}
    counts = frame.select(
        pl.any_horizontal(pl.col(*columns).str.contains(pattern)).sum().alias(name)
        for name, pattern in patterns.items()
    )
    return {name: int(rows) for name, rows in counts.row(0, named=True).items() if rows}
