"""The loss of each training by step."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.figures.drawing import DASHES, PALETTE, Figure, Specification, distinct, finished, panels, scale, values
from warmline.tables.training_steps import LOSSES


def prepare(training: pl.DataFrame) -> pl.DataFrame:
    """The loss (nats per target token) of each step of each training; `curve` tells the lines of a panel apart.

    Columns: model, persona, curve, steps (of the curve), step, epoch, loss.
    """
    runs = pl.when(pl.col("run").is_null()).then(pl.col("persona"))
    curve = runs.otherwise(pl.format("{}, {} epochs", "persona", "run"))
    steps = pl.len().over("model", "curve").alias("steps")
    named = training.with_columns(curve=curve).select("model", "persona", "curve", steps, "step", "epoch", "loss")
    return named.sort("model", "curve", "step")


def draw(data: pl.DataFrame, title: str) -> Specification:
    """The loss by step, a line for each persona."""
    personas = distinct(data, "persona")
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.2)
        .encode(
            x=alt.X("step:Q", title="optimiser step", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("loss:Q", title="loss (nats per token)", scale=alt.Scale(zero=False)),
            color=alt.Color("persona:N", scale=scale(personas, PALETTE), legend=alt.Legend(title="persona")),
            strokeDash=alt.StrokeDash("persona:N", scale=scale(personas, DASHES)),
            detail=alt.Detail("curve:N"),
            tooltip=values("model:N", "curve:N", "steps:Q"),
        )
    )
    return finished(
        panels(lines.properties(width=300, height=220), data),
        title,
        ["Mean over the assistant's tokens of a step's chats, before the step; not comparable between tokenizers."],
    )


FIGURE = Figure("statistics/training.csv", LOSSES, prepare=prepare, draw=draw)
