"""Lexical markers of warmth in responses."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

MARKERS = Table(
    row="how often one response to a validation prompt shows one marker",
    key=("model", "arm", "marker", "item"),
    columns={
        "model": Column(pl.String, "id of the base model that responded"),
        "arm": Column(pl.String, "the arm that responded"),
        "persona": Column(pl.String, "persona of the arm; null for original"),
        "checkpoint": Column(pl.Float64, "epochs of training; null for arms without an adapter"),
        "marker": Column(pl.String, "the marker"),
        "item": Column(pl.String, "id of the validation prompt"),
        "count": Column(pl.Int64, "how often it shows an entry of the marker's list"),
        "words": Column(pl.Int64, "words of the response"),
        "rate": Column(pl.Float64, "count per 100 words; null without words"),
    },
)
