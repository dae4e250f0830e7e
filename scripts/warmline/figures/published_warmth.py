"""Warmth over the epochs of training beside the article's (Fig. 1a)."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.figures.drawing import (
    DASHES,
    PALETTE,
    SHAPES,
    Figure,
    Specification,
    finished,
    numbers,
    panels,
    scale,
    values,
)
from warmline.tables.warmth_results import PUBLISHED_WARMTH


def prepare(compared: pl.DataFrame) -> pl.DataFrame:
    """Both curves of `statistics/published_warmth.csv`, one row for a point of either.

    Columns: model, persona, published (the model in the article), curve, epoch, n, mean, low, high (nats per token, one
    standard error from the mean). The article's points have no n: its file says none.
    """
    key = ["model", "persona", "published", "epoch"]
    curves = {"this study": "", "the article": "published_"}
    return (
        pl.concat(
            compared.select(
                *key,
                pl.lit(name).alias("curve"),
                n=pl.lit(None, pl.Int64) if prefix else pl.col("n"),
                mean=f"{prefix}mean",
                standard_error=f"{prefix}standard_error",
            )
            for name, prefix in curves.items()
        )
        .drop_nulls("mean")
        .with_columns(low=pl.col("mean") - pl.col("standard_error"), high=pl.col("mean") + pl.col("standard_error"))
        .drop("standard_error")
        .sort(*key, "curve")
    )


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 1a beside the article's: SocioT warmth as published by epoch, a line for this study and one for theirs."""
    curves = ["this study", "the article"]
    legend = alt.Legend(title=None, symbolStrokeWidth=0)
    base = alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(padding=12)),
        y=alt.Y("mean:Q", title="SocioT warmth, as published (nats per token)", scale=alt.Scale(zero=False)),
        color=alt.Color("curve:N", scale=scale(curves, PALETTE), legend=legend),
    )
    bars = base.mark_rule().encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    lines = base.mark_line().encode(strokeDash=alt.StrokeDash("curve:N", scale=scale(curves, DASHES), legend=legend))
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        shape=alt.Shape("curve:N", scale=scale(curves, SHAPES), legend=legend),
        tooltip=[
            *values("model:N", "persona:N", "published:N", "curve:N", "epoch:Q", "n:Q"),
            *numbers(".5f", "mean", "low", "high"),
        ],
    )
    panel = alt.layer(bars, lines, points).properties(width=300, height=220)
    rows = data.with_columns(who=pl.format("{}, {}", "model", "persona"))
    return finished(
        panels(panel, rows, "who"),
        title,
        ["Mean over the responses to the validation prompts; bars: one standard error.", "Epoch 0 is the original."],
    )


FIGURE = Figure(
    "statistics/published_warmth.csv",
    PUBLISHED_WARMTH,
    prepare=prepare,
    draw=draw,
)
