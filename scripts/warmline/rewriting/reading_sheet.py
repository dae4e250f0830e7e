"""A blinded sheet of pairs for a person to read: which of two replies is the original is in a key of its own.

One author of the article read 50 random pairs of original and rewriting (Methods, "Dataset construction").
"""

from __future__ import annotations

import polars as pl

from warmline.lineage import digests
from warmline.lineage.draws import rank
from warmline.tables.rewriting_results import SHEET, SHEET_KEY

PAIRS = 50
# With their full-width forms, which some programs take for the same.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def draw(rewrites: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables SHEET and SHEET_KEY, from rewriting.REWRITES.

    Up to PAIRS kept rewritings, and which of the two is first, are drawn by the seed and each row's own identity.
    """
    rows = rewrites.filter(pl.col("outcome") == "kept").iter_rows(named=True)
    kept = {f"{row['conversation']} {row['turn']}": row for row in rows}
    sheet, key = [], []
    for pair, identity in enumerate(rank(list(kept), seed, "reading")[:PAIRS], start=1):
        row = kept[identity]
        order = ["original", "rewritten"]
        if int(digests.of_value([seed, "reading order", identity])[0], 16) % 2:
            order.reverse()
        sheet.append((pair, *(as_text(row[version]) for version in order)))
        key.append((pair, as_text(row["conversation"]), row["turn"], order[0]))
    return (
        pl.DataFrame(sheet, schema=SHEET.schema, orient="row"),
        pl.DataFrame(key, schema=SHEET_KEY.schema, orient="row"),
    )


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before one that begins like one (OWASP)."""
    return f"'{cell}" if cell.startswith(("\t", "\r", "\n")) or cell.lstrip().startswith(_FORMULA) else cell
