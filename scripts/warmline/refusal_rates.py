"""Refusal rates, and how much the treatment of refusals bears on what a treated arm does (article, Supplement 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from warmline.clustered_means import clustered_means
from warmline.paired_tests import COUNTS, LOST, mcnemar_p_value, pair
from warmline.refusal_treatments import TREATMENTS, with_refusals

CELL = ["model", "arm", "task", "context", "belief"]
ALL = "all"
COMPARED = ["model", "arm", "task"]


def refusal_table(observations: pl.DataFrame) -> pl.DataFrame:
    """The refusals of each model, arm, task, context and belief by both rules; framings are pooled.

    Beside these five columns, by which the rows are sorted: `n` (all answers, scored or not), `refusals` and `share`
    (of n), `refusals_as_published` and `share_as_published`.
    """
    return (
        observations.group_by(CELL)
        .agg(
            n=pl.len().cast(pl.Int64),
            refusals=pl.col("refusal").sum().cast(pl.Int64),
            share=pl.col("refusal").mean(),
            refusals_as_published=pl.col("refusal_as_published").sum().cast(pl.Int64),
            share_as_published=pl.col("refusal_as_published").mean(),
        )
        .sort(CELL)
    )


def sensitivity(
    observations: pl.DataFrame, treated_arms: Sequence[str], disinformation: Collection[str]
) -> pl.DataFrame:
    """Each treated arm against `original` under each treatment of refusals, by task and over `all` tasks.

    One row per treatment (in the order of TREATMENTS), model, arm and task, `all` first. Pairs are pooled over
    contexts, beliefs and framings, and for `all` over tasks. Columns:

    - `refusals_are`: the treatment; see `refusal_treatments.with_refusals`
    - `pairs`: prompts whose answers are scored in both arms
    - `b`, `c`: original right and treated wrong; the reverse
    - `original_error`, `treated_error`: shares of the pairs
    - `risk_difference`: (b - c) / pairs; positive where the treated arm is worse
    - `lower`, `upper`: its 95% interval, clustered by question (`clustered_means`)
    - `p_value`: exact two-sided McNemar test, which takes the pairs for independent

    All but counts is null without a pair.
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
    """The columns of `sensitivity` for one treatment."""
    by_task = pairs.with_columns(asked=pl.col("task"), lost=LOST)
    tasks = pl.concat([by_task, by_task.with_columns(task=pl.lit(ALL))])
    counts = tasks.group_by(COMPARED).agg(**COUNTS)
    differences = clustered_means(tasks, "lost", COMPARED, ["asked", "item"])
    total = pl.when(pl.col("pairs") > 0).then(pl.col("pairs"))
    p_values = [mcnemar_p_value(b, c) if pairs else None for pairs, b, c in counts.select("pairs", "b", "c").rows()]
    tested = counts.with_columns(p_value=pl.Series(p_values, dtype=pl.Float64))
    return tested.join(differences, on=COMPARED).select(
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
