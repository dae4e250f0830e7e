"""What answers to further tasks show."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

CAPABILITIES = Table(
    row="one measure of one answer",
    key=("model", "arm", "task", "measure", "item"),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "arm": Column(pl.String, "who answered, such as original, warm@2 or warm-prompt"),
        "task": Column(pl.String, "id of the task"),
        "measure": Column(pl.String, "what was measured, such as choice or refusal"),
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet"),
        "verdict": Column(pl.String, "correct or incorrect, or yes or no; or unscored"),
        "reason": Column(pl.String, "why the answer is unscored; null otherwise"),
        "reading": Column(pl.String, "the letter or number read from the answer; null for none"),
        "finish_reason": Column(
            pl.String,
            "stop; length if the answer was cut at the token limit; content_filter if the endpoint withheld or cut it;"
            " refusal; unanswerable if the request was turned down for good; or as the endpoint said it",
        ),
        "answer_key": Column(pl.String, "ledger key of the answer"),
        "judge_key": Column(pl.String, "ledger key of the judge's verdict; null where a rule decided"),
    },
)
