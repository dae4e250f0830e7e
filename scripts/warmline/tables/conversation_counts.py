"""Tables of the conversations that were labelled and drawn, counted by query type."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

LABELS = Table(
    row="conversations that the two sets of rules give this pair of query types",
    key=("as_published", "corrected"),
    columns={
        "as_published": Column(pl.String, "query type by the article's rules"),
        "corrected": Column(pl.String, "query type by the corrected rules"),
        "conversations": Column(pl.Int64, "screened conversations"),
    },
)

SAMPLE = Table(
    row="what was drawn of a query type",
    key=("query_type",),
    columns={
        "query_type": Column(pl.String, "refusal, factual, creative, technical, advice or other"),
        "screened": Column(pl.Int64, "conversations that passed the screening"),
        "conversations": Column(pl.Int64, "conversations to train on"),
        "replies": Column(pl.Int64, "replies in them"),
        "prompts": Column(pl.Int64, "conversations to measure warmth on, one prompt each"),
    },
)
