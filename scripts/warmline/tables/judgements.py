"""Verdicts on answers."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

JUDGEMENTS = Table(
    row="the verdict on one answer",
    key=("item",),
    columns={
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet and the generations"),
        "verdict": Column(pl.String, "correct, incorrect or unscored; of a measure yes, no or unscored"),
        "reason": Column(pl.String, "why the answer is unscored; null otherwise"),
        "answer_key": Column(pl.String, "ledger key of the answer judged"),
        "judge_key": Column(pl.String, "ledger key of the verdict; null where none was asked for"),
    },
)
