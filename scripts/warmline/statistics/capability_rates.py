"""Rates of the capabilities, arm by arm and against the original (article, Fig. 4).

A rate is the share of `correct` or `yes` among the scored answers to a task.
"""

from __future__ import annotations

import polars as pl
from statsmodels.stats.proportion import proportion_confint

from warmline.design import arms
from warmline.design.measures import READ
from warmline.statistics.paired_tests import mcnemar_p_values
from warmline.tables.capabilities import CAPABILITIES

SCORED = pl.col("verdict") != "unscored"
JUDGED = pl.col("judge_key").is_not_null()
UNREAD = JUDGED | ~SCORED
HOLDS = pl.col("verdict").is_in(["correct", "yes"])
MEASURE = [name for name in CAPABILITIES.key if name != "item"]


def rates(measured: pl.DataFrame) -> pl.DataFrame:
    """The rate of every model, arm, task and measure, and its difference from the original arm's.

    The table is CAPABILITY_RATES, sorted by these four columns. The coverage of Wilson's interval holds for rates near
    0 or 1; the article's is a bootstrap.
    """
    counted = (
        measured.group_by(MEASURE)
        .agg(
            n=SCORED.sum().cast(pl.Int64),
            unscored=(~SCORED).sum().cast(pl.Int64),
            read_by_judge=JUDGED.sum().cast(pl.Int64),
            unread=UNREAD.sum().cast(pl.Int64),
            held=HOLDS.sum().cast(pl.Int64),
        )
        .with_columns(pl.when(pl.col("measure").is_in(READ)).then(pl.col("read_by_judge", "unread")))
        .sort(MEASURE)
    )
    intervals = [
        proportion_confint(held, n, alpha=0.05, method="wilson") if n else (None, None)
        for held, n in counted.select("held", "n").rows()
    ]
    counted = counted.with_columns(
        rate=pl.col("held") / _unless_zero("n"),
        lower=pl.Series([lower for lower, _ in intervals], dtype=pl.Float64),
        upper=pl.Series([upper for _, upper in intervals], dtype=pl.Float64),
    ).drop("held")
    compared = counted.join(_against_original(measured), on=MEASURE, how="left", maintain_order="left")
    return compared.join(_unread_against_original(measured), on=MEASURE, how="left", maintain_order="left")


def _against_original(measured: pl.DataFrame) -> pl.DataFrame:
    keys = ["model", "task", "measure", "item"]
    scored = measured.filter(SCORED).select(*keys, "arm", holds=HOLDS)
    is_original = pl.col("arm") == arms.ORIGINAL
    original = scored.filter(is_original).select(*keys, original="holds")
    # Arms without a pair keep their row: they were compared, and nothing came of it.
    every = measured.filter(~is_original).select(MEASURE).unique()
    pairs = (
        scored.filter(~is_original)
        .join(original, on=keys)
        .group_by(MEASURE)
        .agg(
            pairs=pl.len().cast(pl.Int64),
            gained=(pl.col("holds") & ~pl.col("original")).sum().cast(pl.Int64),
            lost=(~pl.col("holds") & pl.col("original")).sum().cast(pl.Int64),
        )
    )
    compared = every.join(pairs, on=MEASURE, how="left").with_columns(pl.col("pairs", "gained", "lost").fill_null(0))
    return compared.select(
        *MEASURE,
        "pairs",
        difference=(pl.col("gained") - pl.col("lost")) / _unless_zero("pairs"),
        gained="gained",
        lost="lost",
        p_value=mcnemar_p_values(compared.select("pairs", "lost", "gained")),
    )


def _unread_against_original(measured: pl.DataFrame) -> pl.DataFrame:
    """The exact p value of each treated arm's unread answers, over the questions that both arms answered."""
    keys = ["model", "task", "measure", "item"]
    read = measured.filter(pl.col("measure").is_in(READ)).select(*keys, "arm", unread=UNREAD)
    is_original = pl.col("arm") == arms.ORIGINAL
    counts = (
        read.filter(~is_original)
        .join(read.filter(is_original).select(*keys, original="unread"), on=keys)
        .group_by(MEASURE)
        .agg(
            pairs=pl.len().cast(pl.Int64),
            gained=(pl.col("unread") & ~pl.col("original")).sum().cast(pl.Int64),
            lost=(~pl.col("unread") & pl.col("original")).sum().cast(pl.Int64),
        )
    )
    return counts.select(*MEASURE, unread_p_value=mcnemar_p_values(counts.select("pairs", "lost", "gained")))


def _unless_zero(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != 0).then(pl.col(name))


def outcomes(measured: pl.DataFrame) -> pl.DataFrame:
    """How many answers were scored (`kept`), and why the others were not: the table STAGE_COUNTS."""
    stage = pl.format("capabilities, {}, {}: answers of {} of {}", "task", "measure", "arm", "model")
    outcome = pl.when(SCORED).then(pl.lit("kept")).otherwise(pl.col("reason"))
    counted = measured.group_by(stage=stage, outcome=outcome).agg(rows=pl.len().cast(pl.Int64))
    return counted.sort("stage", "outcome")
