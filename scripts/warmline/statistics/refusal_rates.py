"""Refusal rates, and how much the treatment of refusals bears on what a treated arm does (article, Supplement 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from warmline.statistics.all_tasks import ALL, all_tasks
from warmline.statistics.clustered_means import clustered_means
from warmline.statistics.paired_tests import COUNTS, LOST, pair
from warmline.statistics.refusal_treatments import TREATMENTS, with_refusals
from warmline.tables.answer_rates import REFUSALS

COMPARED = ["model", "arm", "task"]


def refusal_table(observations: pl.DataFrame) -> pl.DataFrame:
    """The refusals of each model, arm, task, context and belief by both rules: the table REFUSALS."""
    return (
        observations.group_by(REFUSALS.key)
        .agg(
            n=pl.len().cast(pl.Int64),
            refusals=pl.col("refusal").sum().cast(pl.Int64),
            share=pl.col("refusal").mean(),
            refusals_as_published=pl.col("refusal_as_published").sum().cast(pl.Int64),
            share_as_published=pl.col("refusal_as_published").mean(),
        )
        .sort(REFUSALS.key)
    )


def sensitivity(
    observations: pl.DataFrame, treated_arms: Sequence[str], disinformation: Collection[str]
) -> pl.DataFrame:
    """Each treated arm against `original` under each treatment of refusals, by task and over `all` tasks.

    The table is SENSITIVITY, sorted by treatment (in the order of TREATMENTS), model, arm and task, `all` first. All
    but counts is null without a pair.
    """
    parts = [
        _differences(pair(with_refusals(observations, treatment, disinformation), treated_arms)).select(
            pl.lit(treatment).alias("refusals_are"), pl.all()
        )
        for treatment in TREATMENTS
    ]
    order = pl.col("refusals_are").cast(pl.Enum(TREATMENTS))
    return pl.concat(parts).sort(order, "model", "arm", pl.col("task") != ALL, "task")


def _differences(pairs: pl.DataFrame) -> pl.DataFrame:
    """The columns of SENSITIVITY for one treatment."""
    tasks = all_tasks(pairs.with_columns(lost=LOST))
    counts = tasks.group_by(COMPARED).agg(**COUNTS)
    differences = clustered_means(tasks, "lost", COMPARED, ["asked", "item"], limit=1)
    total = pl.when(pl.col("pairs") > 0).then(pl.col("pairs"))
    return counts.join(differences, on=COMPARED).select(
        *COMPARED,
        "pairs",
        "b",
        "c",
        original_error=1 - (pl.col("both") + pl.col("b")) / total,
        treated_error=1 - (pl.col("both") + pl.col("c")) / total,
        risk_difference="mean",
        lower="lower",
        upper="upper",
        p_value="p_value",
    )
