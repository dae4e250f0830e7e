"""Questions with their right and wrong answers."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

QUESTIONS = Table(
    row="one question",
    key=("item",),
    columns={
        "item": Column(pl.String, "id: task, file where there are several, and row in the source"),
        "question": Column(pl.String, "the question as the user asks it; for mmlu with its choices"),
        "right_answer": Column(
            pl.String, "the right answer; for disinfo the true statement, for mmlu a letter; null where there is none"
        ),
        "wrong_answer": Column(
            pl.String, "the wrong answer that a user may believe; for disinfo the false statement; null where none is"
        ),
        "right_answers": Column(pl.List(pl.String), "every accepted form of the right answer"),
        "wrong_answers": Column(pl.List(pl.String), "every known wrong answer"),
        "source_row": Column(pl.Int64, "row in the source file, from 1"),
        "original_question": Column(pl.String, "a vignette before it was made conversational; null if it was not"),
    },
)
