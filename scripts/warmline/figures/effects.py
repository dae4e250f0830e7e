"""A forest plot of every effect of treatment: as published, corrected, and as the article printed it."""

from __future__ import annotations

import altair as alt
import polars as pl

from warmline.figures.drawing import INK, Figure, Specification, arms_of, finished, marks_by, numbers, values
from warmline.regressions.effects import SYCOPHANCY
from warmline.tables.regression_results import EFFECTS, FITTED, PENALISED

PUBLISHED = "as published: errors from the model alone"
CORRECTED = "corrected: clustered by question"
ARTICLE = "the article's, of its own models"
ESTIMATES = pl.Enum([PUBLISHED, CORRECTED, ARTICLE])
IN_ORDER = ["tuning", "groups", "contexts", "beliefs"]
"""The article's regressions, as it has them; others follow."""
LABELS, WIDTH, STEP = 190, 210, 8
"""Pixels: the names of the effects, a panel, and the height of a mark."""


def prepare(effects: pl.DataFrame) -> pl.DataFrame:
    """A row for each mark, and one without an estimate for each regression of an arm that was not fitted.

    The article's number is a mark only beside the study's own.

    Columns: analysis, arm, model, answers (which ones, in words), state, estimate (whose errors it has), rows,
    clusters, effect, lower, upper (percentage points) and p_value. The article printed neither intervals nor rows.
    """
    named = _in_order(effects).with_columns(pl.col("subset", "contrast").str.replace_all("_", " "))
    names = [pl.format("{} less {}", "subset", "contrast"), pl.format("{}, {}", "subset", "model"), pl.col("subset")]
    named = named.with_columns(answers=pl.coalesce(names)).with_row_index("place")
    what = named.select("place", "analysis", "arm", "model", "answers", "state", "rows", "clusters")
    bounds = ("lower", "upper", "p_value")
    corrected = {name: pl.col(f"{name}_clustered") for name in bounds}
    # An effect that has no interval at all is a corrected one without.
    published = pl.col("lower").is_not_null()
    marks = {
        PUBLISHED: named.filter(published).select(*what.columns, "effect", *bounds),
        CORRECTED: named.filter(~published | pl.col("lower_clustered").is_not_null())
        .drop_nulls("effect")
        .select(*what.columns, "effect", **corrected),
        ARTICLE: named.drop_nulls(["effect", "article"]).select(*what.columns[:-2], effect="article"),
    }
    return (
        pl.concat(
            [
                *(rows.with_columns(pl.lit(name, ESTIMATES).alias("estimate")) for name, rows in marks.items()),
                what.filter(named["effect"].is_null()).unique(["analysis", "arm"], keep="first", maintain_order=True),
            ],
            how="diagonal",
        )
        .sort("place", "estimate")
        .select(*what.columns[1:6], pl.col("estimate").cast(pl.String), "rows", "clusters", "effect", *bounds)
    )


def _in_order(effects: pl.DataFrame) -> pl.DataFrame:
    """Regressions as in the article and sycophancy last; effects before differences, `all` before levels."""
    rank = pl.col("analysis").replace_strict(IN_ORDER, range(len(IN_ORDER)), default=len(IN_ORDER))
    return effects.sort(
        *(pl.col("analysis") == SYCOPHANCY, rank, "analysis", "arm", pl.col("contrast").is_not_null()),
        *(pl.col("subset") != "all", pl.col("subset") != "unmodified", "subset", "model"),
    )


def draw(data: pl.DataFrame, title: str) -> Specification:
    """A block for each regression and for sycophancy, a panel for each arm, and the estimates beside each other."""
    drawn = data.drop_nulls("estimate")
    arms = arms_of(drawn)
    ends = [0.0, *drawn["effect"], *drawn["lower"].drop_nulls(), *drawn["upper"].drop_nulls()]
    margin = 0.04 * (max(ends) - min(ends)) or 1.0
    domain = [min(ends) - margin, max(ends) + margin]
    analyses = drawn["analysis"].unique(maintain_order=True).to_list()
    datasets: Specification = {}
    blocks: list[Specification] = []
    for analysis in analyses:
        rows = drawn.filter(analysis=analysis)
        x = alt.X(
            "effect:Q",
            title="effect (percentage points)" if analysis == analyses[-1] else None,
            scale=alt.Scale(domain=domain, nice=False),
            axis=alt.Axis(labels=analysis == analyses[-1], ticks=analysis == analyses[-1]),
        )
        answers = rows["answers"].unique(maintain_order=True).to_list()
        panels = [
            _panel(
                *(rows.filter(arm=arm), x, answers, datasets),
                named=arm == arms[0],
                title=arm if analysis == analyses[0] else "",
            )
            for arm in arms
        ]
        blocks.append({"hconcat": panels, "spacing": 12, "title": {"text": analysis, "anchor": "start"}})
    if not blocks:
        blocks = [{"hconcat": [_panel(drawn, alt.X("effect:Q"), [], datasets, named=True, title="")]}]
    figure = finished(
        alt.vconcat(spacing=8),
        title,
        [
            "Regressions: average marginal effect of treatment on errors. Sycophancy: what a wrong belief adds to the "
            "arm's errors less what it adds to the original's. Bars: 95 % intervals, where there are any.",
            *_states(data),
        ],
    )
    # altair would copy every panel at each step of putting them together, which took most of the figure's time.
    return figure | {"vconcat": blocks, "datasets": datasets}


def _panel(
    data: pl.DataFrame, x: alt.X, answers: list[str], datasets: Specification, *, named: bool, title: str
) -> Specification:
    """The effects on one arm, a line for each of `answers`, whose names are written beside it if `named`.

    Its data join the figure's `datasets`.
    """
    axis = alt.Axis(labels=named, ticks=named, grid=True, minExtent=LABELS if named else 0, labelLimit=LABELS)
    estimates = list(ESTIMATES.categories)
    marks = marks_by("estimate", estimates, alt.Legend(title=None, orient="top", labelLimit=300))
    base = alt.Chart(data).encode(
        y=alt.Y("answers:N", title=None, axis=axis, scale=alt.Scale(domain=answers)),
        yOffset=alt.YOffset("estimate:N", scale=alt.Scale(domain=estimates)),
    )
    zero = alt.Chart(pl.DataFrame({"effect": [0.0]})).mark_rule(color=INK).encode(x=x)
    intervals = base.mark_rule(strokeWidth=1.5).encode(x=alt.X("lower:Q"), x2=alt.X2("upper:Q"), stroke=marks["stroke"])
    points = base.mark_point(size=28, opacity=1, fillOpacity=1).encode(
        x=x,
        **marks,
        tooltip=[
            *values("analysis:N", "arm:N", "model:N", "answers:N", "estimate:N", "rows:Q", "clusters:Q"),
            *numbers("+.2f", "effect", "lower", "upper"),
            *numbers(".3g", "p_value"),
        ],
    )
    # What altair checks here once more it has checked when each part was made.
    context = {"top_level": False, "datasets": datasets}
    with alt.data_transformers.disable_max_rows():
        layers = [chart.to_dict(validate=False, context=context) for chart in (zero, intervals, points)]
    return {"layer": layers, "height": {"step": STEP, "for": "offset"}, "title": title, "width": WIDTH}


def _states(data: pl.DataFrame) -> list[str]:
    """A sentence for each state other than fitted: which regressions of which arms have it."""
    unfitted = data.filter(pl.col("state") != FITTED).unique(["analysis", "arm", "state"], maintain_order=True)
    unfitted = unfitted.sort("state", "arm", maintain_order=True)
    by_arm = unfitted.group_by("state", "arm", maintain_order=True).agg(pl.col("analysis").str.join(", "))
    fits = by_arm.group_by("state", "analysis", maintain_order=True).agg(pl.col("arm").str.join(", "))
    said = fits.group_by("state", maintain_order=True).agg(pl.format("{} of {}", "analysis", "arm").str.join("; "))
    return [f"{'Drawn' if state == PENALISED else 'Not fitted'} ({state}): {which}." for state, which in said.rows()]


FIGURE = Figure("statistics/effects.csv", EFFECTS, prepare=prepare, draw=draw)
