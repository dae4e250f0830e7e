"""What arms answered."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

GENERATIONS = Table(
    row="one answer",
    key=("item",),
    columns={
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet and the prompts"),
        "text": Column(pl.String, "the answer behind its thoughts, nothing stripped but blanks around it"),
        "finish_reason": Column(
            pl.String,
            "stop; length if the answer was cut at the token limit; content_filter if the endpoint withheld or cut it;"
            " refusal; unanswerable if the request was turned down for good; or as the endpoint said it",
        ),
        "prompt_tokens": Column(pl.Int64, "tokens of the rendered prompt"),
        "completion_tokens": Column(pl.Int64, "tokens generated, the end of turn included"),
        "answer_key": Column(pl.String, "ledger key of the answer"),
    },
)
