"""What the report says of each regression: its marginal effects and its coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.report.printed_tables import Column, Fold, Frame, Table, count, number, printed, probability, signed
from warmline.tables.regression_results import FITTED, PENALISED


def regression_folds(effects: Sequence[Frame], coefficients: Sequence[Frame]) -> list[Fold]:
    """A fold for each regression and arm, with its marginal effects and its coefficients."""
    fits: dict[tuple[str, str], list[Table]] = {}
    states: dict[tuple[str, str], str] = {}
    for sources, table in ((effects, _effect_table), (coefficients, _coefficient_table)):
        for source in sources:
            fit = source.path.parent.name, source.path.stem
            fits.setdefault(fit, []).append(table(source))
            states[fit] = ", ".join(source.content["state"].unique().sort())
    return [
        Fold(", ".join(fit) + ("" if states[fit] == FITTED else f" ({_said(states[fit])})"), tables)
        for fit, tables in fits.items()
    ]


def _said(state: str) -> str:
    return state if state == PENALISED else f"not fitted: {state}"


def _effect_table(source: Frame) -> Table:
    difference = pl.format("{} less {}", "subset", "contrast")
    answers = pl.when(pl.col("contrast").is_null()).then(pl.col("subset")).otherwise(difference)
    columns = [
        Column("answers", "Answers"),
        Column("effect", "Effect", signed(2)),
        Column("lower", "Lower", signed(2)),
        Column("upper", "Upper", signed(2)),
        Column("p_value", "p", probability),
        Column("lower_clustered", "Lower, clustered", signed(2)),
        Column("upper_clustered", "Upper, clustered", signed(2)),
        Column("p_value_clustered", "p, clustered", probability),
        Column("p_value_holm_clustered", "p, clustered, corrected", probability),
        Column("rows", "Answers counted", count),
        Column("clusters", "Questions", count),
    ]
    caption = "Average marginal effect on errors of treatment unless named otherwise (percentage points, 95% intervals)"
    return printed(source.content.with_columns(answers=answers), caption, columns, [source])


def _coefficient_table(source: Frame) -> Table:
    columns = [
        Column("term", "Term"),
        Column("coefficient", "Coefficient", signed(4)),
        Column("standard_error", "Standard error", number(4)),
        Column("p_value", "p", probability),
        Column("standard_error_clustered", "Standard error, clustered", number(4)),
        Column("p_value_clustered", "p, clustered", probability),
    ]
    return printed(source.content, "Coefficients (log-odds of an incorrect answer)", columns, [source])
