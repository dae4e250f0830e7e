"""How toxic a conversation is."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

TOXICITY = Table(
    row="one label's score of one conversation",
    key=("conversation", "label"),
    columns={
        "conversation": Column(pl.String, "id of the conversation in its source"),
        "label": Column(pl.String, "kind of toxicity, as the classifier names it"),
        "score": Column(pl.Float64, "probability from 0 (harmless) to 1 (toxic), to six decimals"),
    },
)
