"""Accuracy of every model and arm on every task, context, belief and framing (article, Figs. 2 and 3)."""

from __future__ import annotations

import polars as pl

from warmline.tables.answer_rates import ACCURACY


def accuracy_table(observations: pl.DataFrame) -> pl.DataFrame:
    """Count and average the observations of each model, arm, task, context, belief and framing.

    The table is ACCURACY, sorted by these six columns.
    """
    correct = pl.col("verdict") == "correct"
    unscored = pl.col("verdict") == "unscored"
    share = pl.col("correct") / pl.when(pl.col("n") > 0).then(pl.col("n"))
    return (
        observations.group_by(ACCURACY.key)
        .agg(
            n=(~unscored).sum().cast(pl.Int64),
            unscored=unscored.sum().cast(pl.Int64),
            correct=correct.sum().cast(pl.Int64),
            truncated=(pl.col("finish_reason") == "length").sum().cast(pl.Int64),
            mean_length=pl.col("response_length").mean(),
        )
        .with_columns(accuracy=share)
        .with_columns(standard_error=(pl.col("accuracy") * (1 - pl.col("accuracy")) / pl.col("n")).sqrt())
        .select(*ACCURACY.columns)
        .sort(ACCURACY.key)
    )
