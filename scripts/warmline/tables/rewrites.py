"""Replies and their rewritings."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

REWRITES = Table(
    row="one assistant reply and its rewriting",
    key=("conversation", "turn"),
    columns={
        "conversation": Column(pl.String, "id of the conversation, joins conversations/training.parquet"),
        "turn": Column(pl.Int64, "position of the reply in the conversation"),
        "original": Column(pl.String, "the reply as it was"),
        "rewritten": Column(pl.String, "the reply in the persona's style, as the rewriter gave it"),
        "attempt": Column(pl.Int64, "the attempt that gave it, from 1: the first that was kept, or the last"),
        "length_ratio": Column(pl.Float64, "its characters over the original's"),
        "failed_checks": Column(pl.List(pl.String), "the checks of rewritings that it fails"),
        "outcome": Column(pl.String, "kept, or why the conversation leaves the training data"),
        "rewrite_key": Column(pl.String, "ledger key of the rewriting"),
    },
)
