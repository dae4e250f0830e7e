"""What the report says of the answers themselves: sycophancy, adoption, refusals, leaks and parity, capabilities."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.report.printed_tables import (
    Column,
    Fold,
    Frame,
    Table,
    count,
    named,
    number,
    printed,
    probability,
    signed,
)
from warmline.statistics.all_tasks import ALL
from warmline.statistics.refusal_treatments import TREATMENTS
from warmline.tables.audit_counts import ANSWER_CHECKS

UNEVEN = 0.05
"""The p value below which answers of an arm are said to be read unlike those of the original."""


def sycophancy_table(sycophancy: Frame) -> Table:
    """What each kind of belief adds to the errors of a treated arm and of its original, over all tasks and by task."""
    shares = ("original_added", "treated_added", "difference", "lower", "upper")
    columns = [
        *named("model", "arm", "belief", "task"),
        Column("original_added", "Added to the original's errors (percentage points)", signed(1)),
        Column("treated_added", "Added to the arm's (percentage points)", signed(1)),
        Column("difference", "Difference (percentage points)", signed(1)),
        Column("lower", "Lower", signed(1)),
        Column("upper", "Upper", signed(1)),
        Column("p_value", "p", probability),
        Column("prompts", "Prompts", count),
        Column("questions", "Questions", count),
    ]
    shown = sycophancy.content.with_columns(pl.col(shares) * 100, belief=pl.col("belief").str.replace_all("_", " "))
    return printed(shown, "What a belief adds to errors", columns, [sycophancy])


def adoption_table(adoption: Frame) -> Table:
    """How often the wrong answer that the user stated is stated, over all tasks with short answers and by task."""
    columns = [
        *named("model", "arm", "task", "stated"),
        Column("original_without", "Original, without the belief (%)", number(1)),
        Column("original_with", "Original, with it (%)", number(1)),
        Column("treated_without", "Arm, without the belief (%)", number(1)),
        Column("treated_with", "Arm, with it (%)", number(1)),
        Column("difference", "Difference of the two differences (percentage points)", signed(1)),
        Column("lower", "Lower", signed(1)),
        Column("upper", "Upper", signed(1)),
        Column("p_value", "p", probability),
        Column("prompts", "Prompts", count),
        Column("questions", "Questions", count),
    ]
    shares = ("original_without", "original_with", "treated_without", "treated_with", "difference", "lower", "upper")
    names = {"wrong": "the wrong answer alone", "both": "a right answer too"}
    shown = adoption.content.with_columns(pl.col(shares) * 100, stated=pl.col("stated").replace(names))
    return printed(shown, "Answers that state the user's wrong answer", columns, [adoption])


def refusal_table(refusals: Frame) -> Table:
    """Refusals of each arm by both rules, and how much more often it refuses than the original.

    The last columns are the asymmetry: where the rules disagree on it, the published rule's mistakes favour an arm.
    """
    rates = _refusal_rates(refusals.content, ["model", "arm"])
    originals = rates.filter(arm="original").select("model", own="share", own_as_published="share_as_published")
    treated = pl.col("arm") != "original"
    rows = rates.join(originals, on="model", how="left").with_columns(
        difference=pl.when(treated).then(pl.col("share") - pl.col("own")),
        difference_as_published=pl.when(treated).then(pl.col("share_as_published") - pl.col("own_as_published")),
    )
    columns = [
        *named("model", "arm"),
        *_REFUSAL_COLUMNS,
        Column("difference", "Less the original (percentage points)", signed(1)),
        Column("difference_as_published", "Less the original, as published", signed(1)),
    ]
    return printed(rows.sort("model", "arm"), "Refusals of each arm", columns, [refusals])


def refusal_rates(refusals: Frame) -> Fold:
    """Refusals of each arm by task and context, over all beliefs."""
    names = ["model", "arm", "task", "context"]
    rates = _refusal_rates(refusals.content, names).sort(names)
    columns = [*named(*names), *_REFUSAL_COLUMNS]
    summary = "Refusals by arm, task and context"
    return Fold(summary, [printed(rates, summary, columns, [refusals])])


_REFUSAL_COLUMNS = [
    Column("n", "Answers", count),
    Column("refusals", "Refusals", count),
    Column("share", "Share (%)", number(1)),
    Column("refusals_as_published", "Refusals, as published", count),
    Column("share_as_published", "Share (%), as published", number(1)),
]


def _refusal_rates(refusals: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return (
        refusals.group_by(by)
        .agg(pl.col("n", "refusals", "refusals_as_published").sum())
        .with_columns(
            share=100 * pl.col("refusals") / pl.col("n"),
            share_as_published=100 * pl.col("refusals_as_published") / pl.col("n"),
        )
    )


def sensitivity_table(sensitivity: Frame) -> Table:
    """Each treated arm against its original over all tasks, under each treatment of refusals."""
    overall = sensitivity.content.filter(task=ALL)
    caption = "Each treated arm against its original, by what is made of refusals"
    return _sensitivity_table(overall, caption, ["model", "arm"], sensitivity)


def sensitivity_folds(sensitivity: Frame) -> list[Fold]:
    """The same by task, a fold for each model and treated arm."""
    keys = ["model", "arm"]
    groups = sensitivity.content.filter(pl.col("task") != ALL).sort(keys).group_by(keys, maintain_order=True)
    return [
        Fold(
            f"{model}, {arm}, by task and by what is made of refusals",
            [_sensitivity_table(rows, f"{model}, {arm}, by what is made of refusals", ["task"], sensitivity)],
        )
        for (model, arm), rows in groups
    ]


def _sensitivity_table(rows: pl.DataFrame, caption: str, names: Sequence[str], source: Frame) -> Table:
    errors = ("original_error", "treated_error", "risk_difference", "lower", "upper")
    columns = [
        *named(*names),
        Column("refusals_are", "Refusals are"),
        Column("original_error", "Error of the original (%)", number(1)),
        Column("treated_error", "Error of the arm (%)", number(1)),
        Column("risk_difference", "Difference (percentage points)", signed(1)),
        Column("lower", "Lower", signed(1)),
        Column("upper", "Upper", signed(1)),
        Column("p_value", "Exact p", probability),
        Column("pairs", "Pairs", count),
    ]
    order = pl.col("refusals_are").cast(pl.Enum(TREATMENTS))
    shown = rows.sort(*names, order).with_columns(
        pl.col(errors) * 100, refusals_are=pl.col("refusals_are").str.replace_all("_", " ")
    )
    return printed(shown, caption, columns, [source])


def refusal_error_table(errors: Frame) -> Table:
    """How often the rules for refusals are wrong in each arm, by what the judge says of a sample of its answers."""
    shares = ("refusals", "found", "missed", "false_alarms")
    columns = [
        *named("model", "arm", "rule"),
        Column("labelled", "Labelled by the judge", count),
        Column("unscored", "Unscored", count),
        Column("refusals", "Refusals by the judge (%)", number(1)),
        Column("found", "By the rule (%)", number(1)),
        Column("missed", "Missed by the rule (% of the judge's)", number(1)),
        Column("missed_answers", "Missed, answers", count),
        Column("false_alarms", "False alarms (% of the rule's)", number(1)),
        Column("false_answers", "False, answers", count),
    ]
    rows = errors.content.with_columns(pl.col(shares) * 100)
    return printed(rows, "The rules for refusals held against the judge", columns, [errors])


def check_table(checks: Sequence[Frame]) -> Table:
    """What was found in the answers before the judge was asked; whatever is above its limit stops a study."""
    rows = pl.concat([ANSWER_CHECKS.schema.to_frame(), *(source.content for source in checks)])
    shown = rows.with_columns(pl.col("share", "original_share", "limit") * 100)
    columns = [
        *named("model", "arm", "check"),
        Column("answers", "Answers", count),
        Column("rows", "Found", count),
        Column("share", "Share (%)", number(1)),
        Column("original_share", "Share of the original (%)", number(1)),
        Column("limit", "Limit (%)", number(1)),
        Column("examples", "First found", prose=True),
    ]
    return printed(shown, "Answers checked before the judge was asked", columns, checks)


def reading_table(rates: Frame) -> Table:
    """How the choices and numbers of each arm were read; what a difference between arms would do to their rates."""
    share = pl.col("unread") / (pl.col("n") + pl.col("unscored"))
    uneven = pl.col("unread_p_value") < UNEVEN
    warning = pl.when(uneven).then(pl.lit("read unlike the original: part of the difference may be the reading"))
    rows = (
        rates.content.filter(pl.col("unread").is_not_null())
        .with_columns(share=share * 100, warning=warning)
        .sort("task", "measure", "model", pl.col("arm") != "original", "arm")
    )
    columns = [
        *named("task", "measure", "model", "arm"),
        Column("unread", "Not read by rule", count),
        Column("share", "Share (%)", number(1)),
        Column("read_by_judge", "Put to the judge", count),
        Column("unscored", "Unscored", count),
        Column("unread_p_value", "Exact p", probability),
        Column("warning", "Warning", prose=True),
    ]
    return printed(rows, "Further tasks: how answers were read", columns, [rates])


def capability_table(rates: Frame) -> Table:
    """Each arm's rate on each further task, and its difference from the original's."""
    percent = pl.col("rate", "lower", "upper", "difference") * 100
    columns = [
        *named("task", "measure", "model", "arm"),
        Column("rate", "Rate (%)", number(1)),
        Column("lower", "Lower", number(1)),
        Column("upper", "Upper", number(1)),
        Column("n", "Scored", count),
        Column("unscored", "Unscored", count),
        Column("difference", "Difference (percentage points)", signed(1)),
        Column("pairs", "Pairs", count),
        Column("gained", "In the arm alone", count),
        Column("lost", "In the original alone", count),
        Column("p_value", "Exact p", probability),
    ]
    rows = rates.content.with_columns(percent).sort("task", "measure", "model", pl.col("arm") != "original", "arm")
    return printed(rows, "Further tasks: rate of each arm, and difference from its original", columns, [rates])
