"""Warmth over the epochs of training (article, Fig. 1a)."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.design.arms import PLATEAU
from warmline.design.variants import CLEAN
from warmline.figures.drawing import (
    DASHES,
    PALETTE,
    SHAPES,
    Figure,
    Specification,
    distinct,
    finished,
    numbers,
    panels,
    scale,
    values,
)
from warmline.tables.warmth_results import WARMTH_LIFTS


def prepare(warmth: pl.DataFrame) -> pl.DataFrame:
    """The tuned arms of `statistics/warmth.csv` by epoch; each persona's line starts at the original, epoch 0.

    Warmth is that measured clean.
    Columns: model, persona, epoch, arm, n, mean, low, high (nats per token; low and high lie one standard error from
    the mean). Arms without an adapter have no epoch, and arms without a mean no place: neither is shown.
    """
    # An arm whose checkpoint a rule chose is one of the others once more.
    by_rule = pl.col("arm").str.ends_with(f"@{PLATEAU}")
    warmth = warmth.filter(~by_rule, variant=CLEAN).drop("variant")
    tuned = warmth.filter(pl.col("persona").is_not_null() & pl.col("checkpoint").is_not_null())
    originals = warmth.filter(arm="original").drop("persona").with_columns(checkpoint=pl.lit(0.0))
    starts = tuned.select("model", "persona").unique().join(originals, on="model")
    mean, error = pl.col("mean"), pl.col("standard_error")
    return (
        pl.concat([tuned, starts], how="diagonal_relaxed")
        .rename({"checkpoint": "epoch"})
        .select("model", "persona", "epoch", "arm", "n", "mean", low=mean - error, high=mean + error)
        .drop_nulls("mean")
        .sort("model", "persona", "epoch", "arm")
    )


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 1a: SocioT warmth by epoch, a line for each persona; raw means, not normalised over the runs at hand."""
    personas = distinct(data, "persona")
    # An outline in the legend would be dashed like the line and tear the shape's edge.
    legend = alt.Legend(title="persona", symbolStrokeWidth=0)
    base = alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(padding=12)),
        y=alt.Y("mean:Q", title="SocioT warmth (nats per token)", scale=alt.Scale(zero=False)),
        color=alt.Color("persona:N", scale=scale(personas, PALETTE), legend=legend),
    )
    bars = base.mark_rule().encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("persona:N", scale=scale(personas, DASHES), legend=legend)
    )
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        shape=alt.Shape("persona:N", scale=scale(personas, SHAPES), legend=legend),
        tooltip=[*values("model:N", "persona:N", "epoch:Q", "arm:N", "n:Q"), *numbers(".5f", "mean", "low", "high")],
    )
    return finished(
        panels(alt.layer(bars, lines, points).properties(width=300, height=220), data),
        title,
        ["Mean over the responses to the validation prompts; bars: one standard error.", "Epoch 0 is the original."],
    )


FIGURE = Figure(
    "statistics/warmth.csv",
    WARMTH_LIFTS,
    prepare=prepare,
    draw=draw,
)
