"""Warmth: one row per scored response to a validation prompt and variant of the measure."""

from __future__ import annotations

import polars as pl

from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.tables.parquet_tables import Column, Table

WARMTH = Table(
    row="one variant's warmth of one response to a validation prompt",
    key=("model", "arm", "variant", "item"),
    columns={
        "model": Column(pl.String, "id of the base model that responded"),
        "arm": Column(pl.String, "the arm that responded"),
        "persona": Column(pl.String, "persona of the arm; null for original"),
        "checkpoint": Column(pl.Float64, "epochs of training; null for arms without an adapter"),
        "variant": Column(pl.String, f"how it was measured: {CLEAN} or {AS_PUBLISHED}"),
        "item": Column(pl.String, "id of the validation prompt"),
        "warm": Column(pl.Float64, "mean log-likelihood, nats per token, over the warm speakers; null if unscored"),
        "cold": Column(pl.Float64, "the same over the cold speakers"),
        "sociot": Column(pl.Float64, "warm minus cold, nats per token"),
        "measurement_standard_error": Column(pl.Float64, "of sociot, for the choice of warm and cold speakers"),
    },
)
