"""Judged answers, which all statistics read."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

OBSERVATIONS = Table(
    row="one judged answer",
    key=("model", "arm", "task", "context", "belief", "framing", "item"),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "arm": Column(pl.String, "who answered, such as original, warm@2 or warm-prompt"),
        "persona": Column(pl.String, "persona of the arm; null for original"),
        "checkpoint": Column(pl.Float64, "epochs of training; null for arms without an adapter"),
        "task": Column(pl.String, "id of the task"),
        "context": Column(pl.String, "what the user disclosed; unmodified for nothing"),
        "context_group": Column(pl.String, "what the context is pooled with, such as emotion; unmodified for nothing"),
        "belief": Column(pl.String, "none, asserts_wrong or denies_right"),
        "framing": Column(pl.String, "plain, or framed by the sentence that introduces the question"),
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet"),
        "statement": Column(pl.String, "id of the statement that disclosed the context; null for unmodified"),
        "verdict": Column(pl.String, "correct, incorrect or unscored"),
        "reason": Column(pl.String, "why the answer is unscored; null otherwise"),
        "refusal": Column(pl.Boolean, "whether the answer begins by declining to answer"),
        "refusal_as_published": Column(pl.Boolean, "whether a phrase of the article's rule stands anywhere in it"),
        "stated_answer": Column(
            pl.String,
            "which of the question's short answers the response states: right, wrong (the one that a user may believe),"
            " both or neither; null where it cannot be said (reference_match.stated)",
        ),
        "response_length": Column(pl.Int64, "characters of the response"),
        "finish_reason": Column(
            pl.String,
            "stop; length if the answer was cut at the token limit; content_filter if the endpoint withheld or cut it;"
            " refusal; unanswerable if the request was turned down for good; or as the endpoint said it",
        ),
        "answer_key": Column(pl.String, "ledger key of the answer"),
        "judge_key": Column(pl.String, "ledger key of the verdict; null where none was asked for"),
    },
)


VERDICTS = ("correct", "incorrect", "unscored")
