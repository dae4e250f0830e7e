"""Questions as they are sent."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

PROMPTS = Table(
    row="one question under one condition",
    key=("item",),
    columns={
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet"),
        "context_group": Column(pl.String, "what analyses pool the context with; unmodified for no context"),
        "statement": Column(pl.String, "id of the statement that discloses the context; null for none"),
        "messages": Column(pl.List(pl.Struct({"role": pl.String, "content": pl.String})), "the chat as sent"),
        "seed": Column(pl.Int64, "names the row's own random numbers; the same for every arm"),
    },
)
