"""Errors of treated arms against those of their originals (article, Fig. 2)."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from warmline.figures.drawing import (
    GREY,
    Figure,
    Specification,
    arms_of,
    contexts_of,
    distinct,
    fill_by_family,
    finished,
    marks_by,
    numbers,
    values,
)
from warmline.statistics.mean_over_tasks import mean_over_tasks, with_family
from warmline.tables.arm_comparisons import PAIRED_TESTS

COLUMNS = 3
SIDE = 210
"""Width and height of a panel, pixels."""


def prepare(paired_tests: pl.DataFrame) -> pl.DataFrame:
    """Errors (percent) of each treated arm and of its original, by model, arm, context and family of beliefs."""
    return mean_over_tasks(with_family(paired_tests), ["model", "arm", "context", "family"])


def draw(data: pl.DataFrame, title: str) -> Specification:
    """Fig. 2: error of the original (x) against error of a treated arm (y), a mark for each context and family.

    Where there are several models, first all together; then each by itself, all its arms to one scale.
    """
    models, arms = distinct(data, "model"), arms_of(data)
    by_model = marks_by("model", models, alt.Legend(title="model"))
    by_context = marks_by("context", contexts_of(data), alt.Legend(title="context"))
    together = [_panel(data.filter(arm=arm), data, by_model, f"all models, {arm}") for arm in arms if len(models) > 1]
    apart = [
        _panel(data.filter(model=model, arm=arm), data.filter(model=model), by_context, f"{model}, {arm}")
        for model in models
        for arm in arms
    ]
    columns = len(arms) if len(arms) > 1 else COLUMNS
    groups = [alt.concat(*panels, columns=columns) for panels in (together, apart) if panels]
    empty = alt.concat(_panel(data, data, by_context, ""))
    return finished(
        alt.vconcat(*(groups or [empty])).resolve_scale(fill="independent", stroke="independent", shape="independent"),
        title,
        [
            "Mean over tasks, a mark for each context. Above the diagonal the arm errs more often than its original.",
            "Filled: no belief. Open: the user states a wrong belief.",
        ],
    )


def _panel(
    data: pl.DataFrame, scaled_to: pl.DataFrame, marks: dict[str, Any], title: str
) -> alt.LayerChart | alt.FacetChart:
    """A square with the same scale on both sides, wide enough for the errors of `scaled_to`."""
    errors = [*scaled_to["original_error"], *scaled_to["treated_error"]] or [0.0, 100.0]
    margin = 0.06 * (max(errors) - min(errors)) or 1.0
    domain = [max(0.0, min(errors) - margin), min(100.0, max(errors) + margin)]
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    diagonal = (
        alt.Chart(pl.DataFrame({"error": domain}))
        .mark_line(color=GREY)
        .encode(x=alt.X("error:Q", scale=scale), y=alt.Y("error:Q", scale=scale))
    )
    points = (
        alt.Chart(data)
        .mark_point(size=55, strokeWidth=1.4, opacity=1)
        .encode(
            x=alt.X("original_error:Q", title="error of the original (%)", scale=scale),
            y=alt.Y("treated_error:Q", title="error of the arm (%)", scale=scale),
            **marks,
            fillOpacity=fill_by_family(),
            tooltip=[
                *values("model:N", "arm:N", "context:N", "family:N", "tasks:Q", "tests:Q", "pairs:Q"),
                *numbers(".1f", "original_error", "treated_error", "increase"),
            ],
        )
    )
    return alt.layer(diagonal, points, width=SIDE, height=SIDE, title=title)


FIGURE = Figure("statistics/paired_tests.csv", PAIRED_TESTS, prepare=prepare, draw=draw)
