"""What projections have made before. Where it holds, its keys are known, and no request is rendered to find them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from warmline.calls.answered import Answered
from warmline.lineage import records


def kept(record: str | None, inputs: Collection[Path], answered: Answered, column: str) -> pl.DataFrame | None:
    """The table that a projection made from these files as they are, if the ledger still has all of its answers.

    `record` is the name of the projection's record; `column` holds the ledger keys, null where nothing was asked.
    """
    path = records.made_from(record, inputs) if record else None
    if path is None:
        return None
    table = pl.read_parquet(path)
    keys = set(keys_in(table, column))
    return table if len(answered.find(keys).places) == len(keys) else None


def keys_in(table: pl.DataFrame, column: str) -> list[bytes]:
    """The ledger keys of a table's rows, of 32 bytes each."""
    return [bytes.fromhex(key) for key in table[column].drop_nulls()]
