"""Errors of treated arms as contexts and beliefs are added (article, Fig. 3)."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.figures.drawing import (
    GREY,
    Figure,
    Specification,
    arms_of,
    fill_by_family,
    finished,
    marks_by,
    numbers,
    values,
)
from warmline.statistics.mean_over_tasks import with_family
from warmline.tables.answer_rates import ACCURACY

NESTED_SETS = {
    "plain": (pl.col("context") == "unmodified") & (pl.col("belief") == "none"),
    "+ contexts": pl.col("belief") == "none",
    "+ beliefs": pl.lit(True),
}


def prepare(accuracy: pl.DataFrame) -> pl.DataFrame:
    """The error (percent) of each treated arm under each condition, once in each of the nested sets that hold it.

    Columns: model, arm, task, set, context, belief, framing, family, n, unscored, error, and `place`, where across the
    width of its box (0 to 1) the point is drawn. Conditions without a scored answer have no error and no point.
    """
    cells = with_family(accuracy.filter(pl.col("arm") != "original").drop_nulls("accuracy"))
    key = ["model", "arm", "task", "set", "context", "belief", "framing"]
    rows = pl.concat(
        cells.filter(member).select(
            *(pl.lit(name).alias("set") if column == "set" else column for column in key),
            "family",
            "n",
            "unscored",
            error=100 * (1 - pl.col("accuracy")),
        )
        for name, member in NESTED_SETS.items()
    ).sort(key)
    # Multiples of the golden ratio spread the points evenly; chance would change the figure's bytes.
    rank = pl.int_range(pl.len()).over("model", "arm", "task", "set")
    return rows.with_columns(place=0.2 + 0.6 * ((0.5 + 0.618034 * rank) % 1))


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 3: errors by model and task: plain questions, contexts added, beliefs added; a box for each arm."""
    arms = arms_of(data)
    number = pl.col("arm").cast(pl.Enum(arms)).to_physical()
    rows = data.with_columns(middle=number + 0.5, place=number + pl.col("place"))
    across = alt.Scale(domain=[0, len(arms) or 1])
    base = alt.Chart().encode(
        x=alt.X("set:N", sort=list(NESTED_SETS), title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("error:Q", title="error (%)", scale=alt.Scale(zero=False)),
    )
    boxes = base.mark_boxplot(extent="min-max", color=GREY, opacity=0.5, size=16, median={"color": "black"}).encode(
        xOffset=alt.XOffset("middle:Q", scale=across)
    )
    points = base.mark_point(size=16, strokeWidth=1, opacity=1).encode(
        xOffset=alt.XOffset("place:Q", scale=across),
        **marks_by("arm", arms, alt.Legend(title="arm")),
        fillOpacity=fill_by_family(),
        tooltip=[
            *values("model:N", "arm:N", "task:N", "context:N", "belief:N", "framing:N", "n:Q", "unscored:Q"),
            *numbers(".1f", "error"),
        ],
    )
    panel = alt.layer(boxes, points).properties(width=max(200, 70 * len(arms)), height=150)
    return finished(
        panel.facet(data=rows, row=alt.Row("model:N", title=None), column=alt.Column("task:N", title=None)),
        title,
        [
            "A point is a condition; filled: no belief, open: the user states a wrong belief.",
            "Each set holds the one to its left; boxes: quartiles, whiskers: extremes.",
        ],
    )


FIGURE = Figure(
    "statistics/accuracy.csv",
    ACCURACY,
    prepare=prepare,
    draw=draw,
)
