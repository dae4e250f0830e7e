"""What the figures share: colours and shapes, panels, titles and tooltips."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.statistics.mean_over_tasks import BELIEF, NO_BELIEF
from warmline.tables.parquet_tables import Table

# Colours after Okabe and Ito (2008). The three lists have no common factor in their lengths: colour, shape and dash
# together repeat late.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
STAR = "M0,-1L0.3,-0.35L0.95,-0.31L0.45,0.15L0.6,0.85L0,0.45L-0.6,0.85L-0.45,0.15L-0.95,-0.31L-0.3,-0.35Z"
SHAPES = [
    *("circle", "square", "triangle-up", "diamond", "cross"),
    *("triangle-down", "triangle-right", "triangle-left", STAR),
]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 1]]
GREY = "#999999"
INK = "#333333"
LINE = 110
"""Characters of a subtitle's line."""

Specification = dict[str, Any]
"""A figure as Vega-Lite, the language that altair writes: what its drawings and its page are made from."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure: the statistic it reads and its declaration, how its rows are prepared, and how they are drawn."""

    statistic: str
    table: Table
    prepare: Callable[[pl.DataFrame], pl.DataFrame]
    draw: Callable[[pl.DataFrame, str], Specification]


def finished(chart: alt.FacetChart | alt.VConcatChart, title: str, sentences: Sequence[str]) -> Specification:
    """The figure of a chart, with its title and what a reader must know of it, in the look that all figures share."""
    subtitle = [line for sentence in sentences for line in textwrap.wrap(sentence, LINE)]
    words = alt.TitleParams(title, subtitle=subtitle, anchor="start", fontSize=16, subtitleColor=INK, offset=14)
    # One weight: of two fonts, now one and now the other comes first in a PDF, and its bytes are not stable.
    plain: Any = {"titleFontWeight": "normal"}
    config = alt.Config(
        font="sans-serif",
        background="white",
        # Labels on each mark would multiply the drawing's size; title, description and data file speak instead.
        aria=False,
        axis=alt.AxisConfig(gridColor="#e6e6e6", labelLimit=260, titleColor=INK, **plain),
        header=alt.HeaderConfig(labelFontSize=12, **plain),
        legend=alt.LegendConfig(titleColor=INK, **plain),
        title=alt.TitleConfig(fontWeight="normal", fontSize=12),
    )
    with alt.data_transformers.disable_max_rows():
        specification: Specification = chart.properties(title=words, config=config).to_dict()
    return specification


def panels(
    panel: alt.Chart | alt.LayerChart | alt.FacetChart, data: pl.DataFrame, column: str = "model"
) -> alt.FacetChart:
    """The chart once for each value of a column, each over an axis of its own.

    A shared axis would stand under the last row also where that has no panel.
    """
    facet = alt.Facet(f"{column}:N", title=None)
    chart: alt.FacetChart = panel.facet(data=data, facet=facet, columns=3).resolve_axis(x="independent")
    return chart


def distinct(data: pl.DataFrame, column: str) -> list[str]:
    return data[column].unique().sort().to_list()


def contexts_of(data: pl.DataFrame) -> list[str]:
    """The contexts in order, `unmodified` first."""
    return sorted(distinct(data, "context"), key=lambda context: (context != "unmodified", context))


def arms_of(data: pl.DataFrame) -> list[str]:
    """The arms in the order of the palette: tuned arms first, so that they get the colours of their personas' lines.

    The original, where it is shown, comes last.
    """
    return sorted(distinct(data, "arm"), key=lambda arm: (arm == ORIGINAL, "@" not in arm, arm))


def scale(domain: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """The scale that gives each of the domain one of the values, from the first again where they are too few."""
    return alt.Scale(domain=list(domain), range=[values[index % len(values)] for index in range(len(domain))])


def marks_by(column: str, values: Sequence[str], legend: alt.Legend) -> dict[str, Any]:
    """The channels that give each value a colour and a shape of its own; the original arm is dark."""
    field = f"{column}:N"
    palette = [INK if value == ORIGINAL else PALETTE[place % len(PALETTE)] for place, value in enumerate(values)]
    colours = scale(values, palette)
    return {
        "fill": alt.Fill(field, scale=colours, legend=legend),
        "stroke": alt.Stroke(field, scale=colours, legend=legend),
        "shape": alt.Shape(field, scale=scale(values, SHAPES), legend=legend),
    }


def fill_by_family() -> alt.FillOpacity:
    """Marks filled without a belief, and open with one."""
    return alt.FillOpacity("family:N", scale=alt.Scale(domain=[NO_BELIEF, BELIEF], range=[1, 0]), legend=None)


def numbers(format: str, *columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=format) for column in columns]


def values(*columns: str) -> list[alt.Tooltip]:
    """Columns of a tooltip as they are. Of bare names altair would look through all of its classes for each."""
    return [alt.Tooltip(column) for column in columns]
