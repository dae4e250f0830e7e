"""Which of two responses a judge finds warmer."""

from __future__ import annotations

import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.tables.parquet_tables import Column, Table

ARM, SAME, UNSCORED = "arm", "same", "unscored"


JUDGED_WARMTH = Table(
    row="the verdict on one arm's response to a validation prompt beside the original's, in one order",
    key=("model", "arm", "item", "shown_first"),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "arm": Column(pl.String, "the arm that is compared with the original"),
        "item": Column(pl.String, "id of the validation prompt"),
        "shown_first": Column(pl.String, f"whose response the judge read first: {ARM} or {ORIGINAL}"),
        "warmer": Column(pl.String, f"whose response is warmer: {ARM}, {ORIGINAL}, {SAME} or {UNSCORED}"),
        "reason": Column(pl.String, "why it is unscored; null otherwise"),
        "answer_key": Column(pl.String, "ledger key of the arm's response"),
        "original_key": Column(pl.String, "ledger key of the original's"),
        "judge_key": Column(pl.String, "ledger key of the verdict; null where none was asked for"),
    },
)
