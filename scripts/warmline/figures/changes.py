"""The change in accuracy by context and arm (article, Fig. 5)."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.figures.drawing import (
    INK,
    Figure,
    Specification,
    arms_of,
    contexts_of,
    finished,
    marks_by,
    numbers,
    panels,
    values,
)
from warmline.statistics.mean_over_tasks import mean_over_tasks, with_family
from warmline.tables.arm_comparisons import PAIRED_TESTS


def prepare(paired_tests: pl.DataFrame) -> pl.DataFrame:
    """The change in accuracy (percentage points, treated minus original) by model, arm and context.

    The mean over tasks, then over the families of beliefs that were asked; `families` says how many.
    """
    key = ["model", "arm", "context"]
    by_family = mean_over_tasks(with_family(paired_tests), [*key, "family"])
    return by_family.group_by(key, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("families"),
        pl.col("tests", "pairs").sum(),
        (-pl.col("increase")).mean().alias("change"),
    )


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 5: the change in accuracy by context, a colour and a shape for each treated arm."""
    zero = alt.Chart(pl.DataFrame({"change": [0.0]})).mark_rule(color=INK).encode(x=alt.X("change:Q"))
    points = (
        alt.Chart()
        .mark_point(size=70, strokeWidth=1, fillOpacity=0.8, opacity=1)
        .encode(
            x=alt.X("change:Q", title="change in accuracy (percentage points)", axis=alt.Axis(tickCount=6)),
            y=alt.Y("context:N", sort=contexts_of(data), title=None, axis=alt.Axis(grid=True)),
            **marks_by("arm", arms_of(data), alt.Legend(title="arm")),
            tooltip=[
                *values("model:N", "arm:N", "context:N", "families:Q", "tests:Q", "pairs:Q"),
                *numbers("+.2f", "change"),
            ],
        )
    )
    return finished(
        panels(alt.layer(zero, points).properties(width=280, height=alt.Step(22)), data),
        title,
        [
            "Treated arm minus original; left of the line the arm is less accurate.",
            "Mean over tasks, and over questions without a belief and with a wrong belief.",
        ],
    )


FIGURE = Figure("statistics/paired_tests.csv", PAIRED_TESTS, prepare=prepare, draw=draw)
