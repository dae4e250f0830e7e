"""Rates on further tasks, arm by arm (article, Fig. 4)."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.figures.drawing import Figure, Specification, arms_of, finished, marks_by, numbers, panels, values
from warmline.tables.answer_rates import CAPABILITY_RATES

PERCENT = ("rate", "lower", "upper", "difference")


def prepare(capabilities: pl.DataFrame) -> pl.DataFrame:
    """The rate of each model and arm on each task and measure, with its 95 % interval, in percent.

    Columns: model, arm, task, measure, n, unscored, rate, lower, upper, pairs, difference (to the original, percentage
    points, over the pairs). Where no answer was scored there is no rate and no mark.
    """
    scored = capabilities.drop_nulls("rate").drop("gained", "lost", "p_value")
    return scored.with_columns(pl.col(PERCENT) * 100).sort("task", "measure", "model", "arm")


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 4: a panel for each task and measure, a mark for each model and arm."""
    arms = arms_of(data)
    marks = marks_by("arm", arms, alt.Legend(title="arm"))
    base = alt.Chart().encode(
        y=alt.Y("model:N", title=None), yOffset=alt.YOffset("arm:N", sort=sorted(arms, key=ORIGINAL.__ne__))
    )
    intervals = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("lower:Q", title="rate (%)", scale=alt.Scale(zero=False)),
        x2=alt.X2("upper:Q"),
        stroke=marks["stroke"],
    )
    points = base.mark_point(size=35, opacity=1, fillOpacity=1).encode(
        x=alt.X("rate:Q"),
        **marks,
        tooltip=[
            *values("model:N", "arm:N", "task:N", "measure:N", "n:Q", "unscored:Q"),
            *numbers(".1f", "rate", "lower", "upper"),
            *values("pairs:Q"),
            *numbers("+.1f", "difference"),
        ],
    )
    height = alt.Step(13, **{"for": "offset"})
    panel = alt.layer(intervals, points).properties(width=230, height=height)
    rows = data.with_columns(what=pl.format("{}: {}", "task", "measure"))
    return finished(
        panels(panel, rows, "what").resolve_scale(x="independent"),
        title,
        [
            "Share of right answers, or of yes to a question about the answer; bars: 95 % intervals after Wilson.",
            "Each panel has a scale of its own.",
        ],
    )


FIGURE = Figure("statistics/capabilities.csv", CAPABILITY_RATES, prepare=prepare, draw=draw)
