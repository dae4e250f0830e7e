"""What the report says of warmth: the manipulation check, each arm's warmth, lexical markers, the published curve."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from warmline.design.variants import CLEAN
from warmline.report.printed_tables import Column, Frame, Table, count, named, number, printed, probability, signed
from warmline.tables.warmth_results import MANIPULATION_CHECK
from warmline.warmth import manipulation_check

NORMAL_QUANTILE = 1.96

_LIFT_COLUMNS = [
    Column("lift", "Lift", signed(5)),
    Column("lower", "Lower", signed(5)),
    Column("upper", "Upper", signed(5)),
]


def failures(checks: Sequence[Frame]) -> list[str]:
    """A sentence for each arm that did not do to warmth what its persona should."""
    return [
        manipulation_check.sentence(row)
        for source in checks
        for row in manipulation_check.failed(source.content).iter_rows(named=True)
    ]


def successes(checks: Sequence[Frame]) -> int:
    """How many arms did to warmth what their persona should."""
    expected = [source.content.filter(pl.col("expected") != manipulation_check.NONE) for source in checks]
    return sum(rows.height - manipulation_check.failed(rows).height for rows in expected)


def check_table(checks: Sequence[Frame]) -> Table:
    """What each treated arm that answers questions did to warmth, and what its persona should do."""
    rows = pl.concat([MANIPULATION_CHECK.schema.to_frame(), *(source.content for source in checks)])
    columns = [
        *named("model", "arm"),
        Column("expected", "Warmth should go"),
        Column("checkpoint", "Epochs", _epoch),
        *_LIFT_COLUMNS,
        Column("pairs", "Prompts", count),
        Column("plateau_epoch", "On the plateau from epoch", _epoch),
        Column("greatest_epoch", "Greatest at epoch", _epoch),
        Column("greatest_lift", "Greatest lift", signed(5)),
        Column("verdict", "Verdict"),
    ]
    caption = "Manipulation check: lift over the original (nats per token, 95% interval)"
    return printed(rows.sort("model", "arm"), caption, columns, checks)


def _epoch(value: float) -> str:
    return f"{value:g}"


def warmth_table(warmth: Frame) -> Table:
    """The warmth of each arm and checkpoint by both variants, and its lift over the original."""
    columns = [
        *named("model", "arm", "variant"),
        Column("n", "Responses", count),
        Column("unscored", "Unscored", count),
        Column("mean", "Warmth", number(5)),
        Column("standard_error", "Standard error", number(5)),
        Column("measurement_standard_error", "Error of the speakers, at most", number(5)),
        *_LIFT_COLUMNS,
    ]
    rows = warmth.content.with_columns(pl.col("variant").str.replace_all("_", " ")).sort(
        ["model", "arm", "variant"], descending=[False, False, True]
    )
    return printed(rows, "Warmth of each arm and its lift over the original (nats per token)", columns, [warmth])


def persona_table(warmth: Frame) -> Table:
    """Which arm is warmer, for any two personas of one model that reached the same checkpoint or are both prompts.

    The arms answer the same prompts; the standard error, taken as if they did not, errs on the large side.
    """
    personas = warmth.content.filter(pl.col("persona").is_not_null(), variant=CLEAN)
    personas = personas.sort(["model", "checkpoint", "persona", "arm"], descending=[False, False, True, False])
    rows = [
        {"model": one["model"], "arms": f"{one['arm']} less {other['arm']}", **_difference(one, other)}
        for _, arms in personas.group_by("model", "checkpoint", maintain_order=True)
        for one, other in itertools.combinations(arms.iter_rows(named=True), 2)
        if one["persona"] != other["persona"]
    ]
    columns = [
        *named("model", "arms"),
        Column("difference", "Difference", signed(5)),
        Column("standard_error", "Standard error", number(5)),
        Column("verdict", "Verdict"),
    ]
    frame = pl.DataFrame(rows, schema=[column.name for column in columns])
    return printed(frame, "Personas against each other at the same epoch (nats per token)", columns, [warmth])


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float | str | None]:
    if None in (one["mean"], other["mean"], one["standard_error"], other["standard_error"]):
        difference, standard_error = None, None
    else:
        difference = one["mean"] - other["mean"]
        standard_error = math.hypot(one["standard_error"], other["standard_error"])
    return {
        "difference": difference,
        "standard_error": standard_error,
        "verdict": verdict(difference, standard_error, one["arm"], other["arm"]),
    }


def verdict(difference: float | None, standard_error: float | None, one: str, other: str) -> str:
    """Which of two arms is warmer, by whether the 95% interval of their difference excludes zero."""
    if difference is None or standard_error is None:
        return manipulation_check.NOT_MEASURED
    if abs(difference) <= NORMAL_QUANTILE * standard_error:
        return "no clear difference"
    return f"{one} is {'warmer' if difference > 0 else 'colder'} than {other}"


def marker_table(markers: Frame) -> Table:
    """Lexical markers of each arm, per 100 words, and their lift over the original."""
    columns = [
        *named("marker", "model", "arm"),
        Column("mean", "Per 100 words", number(2)),
        Column("standard_error", "Standard error", number(2)),
        Column("lift", "Lift", signed(2)),
        Column("lower", "Lower", signed(2)),
        Column("upper", "Upper", signed(2)),
        Column("n", "Responses", count),
        Column("unscored", "Without words", count),
    ]
    rows = markers.content.with_columns(pl.col("marker").str.replace_all("_", " "))
    order = ["marker", "model", pl.col("arm") != "original", "arm"]
    return printed(rows.sort(order), "Lexical markers of warmth (per 100 words, 95% interval)", columns, [markers])


def judged_table(judged: Frame) -> Table:
    """How often the judge finds an arm's response warmer than the original's, whichever it is shown first."""
    points = ("difference", "lower", "upper", "first_named")
    columns = [
        *named("model", "arm"),
        Column("warmer", "Arm warmer", count),
        Column("colder", "Original warmer", count),
        Column("difference", "Difference (% of the prompts)", signed(1)),
        Column("lower", "Lower", signed(1)),
        Column("upper", "Upper", signed(1)),
        Column("p_value", "Exact p", probability),
        Column("prompts", "Prompts", count),
        Column("unscored", "Unscored", count),
        Column("first_named", "For the response shown first (%)", number(1)),
    ]
    shown = judged.content.with_columns(pl.col(points) * 100)
    return printed(shown, "The warmer of two responses, as the judge sees it (95% interval)", columns, [judged])


def published_table(published: Frame) -> Table:
    """Warmth as published of each model and of its counterpart in the article, by epoch."""
    columns = [
        Column("model", "Model"),
        Column("published", "In the article"),
        Column("persona", "Persona"),
        Column("epoch", "Epoch", _epoch),
        Column("mean", "Warmth", number(5)),
        Column("standard_error", "Standard error", number(5)),
        Column("lift", "Lift", signed(5)),
        Column("published_mean", "Published warmth", number(5)),
        Column("published_standard_error", "Published standard error", number(5)),
        Column("published_lift", "Published lift", signed(5)),
    ]
    caption = "Beside the article: warmth as published (nats per token)"
    return printed(published.content, caption, columns, [published])
