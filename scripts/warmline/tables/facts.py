"""What a rewriting lost or gained of a reply's facts."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

FACTS = Table(
    row="one kind of facts in one kept reply and its rewriting",
    key=("conversation", "turn", "kind"),
    columns={
        "conversation": Column(pl.String, "id of the conversation"),
        "turn": Column(pl.Int64, "position of the reply in the conversation"),
        "kind": Column(pl.String, "numbers, entities or code"),
        "facts": Column(pl.Int64, "distinct facts of the original"),
        "lost": Column(pl.List(pl.String), "those that the rewriting lacks"),
        "added": Column(pl.List(pl.String), "those that only the rewriting has"),
    },
)
