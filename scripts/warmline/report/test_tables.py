"""What the report says of the paired tests: the main table, a test for each task, and all of them."""

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


def difference_table(mean_errors: Frame) -> Table:
    """The main table: errors of each treated arm and of its original, without and with a wrong belief.

    The last row of an arm is the difference of its two differences: how much more the treatment costs where the user is
    wrong.
    """
    columns = [
        *named("model", "arm"),
        Column("family", "User states"),
        Column("original_error", "Error of the original (%)", number(1)),
        Column("treated_error", "Error of the arm (%)", number(1)),
        Column("increase", "Difference (percentage points)", signed(1)),
        Column("pairs", "Pairs", count),
        Column("p_value", "Exact p", probability),
        Column("tests", "Tests", count),
        Column("worse", "Worse", count),
        Column("better", "Better", count),
        Column("original_unscored", "Unscored, original", count),
        Column("unscored", "Unscored, arm", count),
    ]
    caption = "Each treated arm against its original, mean over tasks"
    return printed(mean_errors.content, caption, columns, [mean_errors])


def plain_table(paired_tests: Frame) -> Table:
    """One test for each task: questions without context and without belief."""
    plain = paired_tests.content.filter(context="unmodified", belief="none")
    names = ["model", "arm", "task", "framing"]
    return _test_table(plain, "Questions without context or belief, a test for each task", names, paired_tests)


def test_folds(paired_tests: Frame) -> list[Fold]:
    """All tests, a fold for each model and treated arm."""
    keys = ["model", "arm"]
    groups = paired_tests.content.sort(keys).group_by(keys, maintain_order=True)
    names = ["task", "context", "belief", "framing"]
    return [
        Fold(f"{model}, {arm}", [_test_table(tests, f"All tests of {model}, {arm}", names, paired_tests)])
        for (model, arm), tests in groups
    ]


def _test_table(tests: pl.DataFrame, caption: str, names: Sequence[str], source: Frame) -> Table:
    rows = tests.with_columns(
        original_error=100 * (1 - pl.col("original_accuracy")),
        treated_error=100 * (1 - pl.col("treated_accuracy")),
    ).with_columns(increase=pl.col("treated_error") - pl.col("original_error"))
    columns = [
        *named(*names),
        Column("original_error", "Error of the original (%)", number(1)),
        Column("treated_error", "Error of the arm (%)", number(1)),
        Column("increase", "Difference (percentage points)", signed(1)),
        Column("pairs", "Pairs", count),
        Column("b", "Became wrong", count),
        Column("c", "Became right", count),
        Column("p_value", "Exact p", probability),
        Column("q_value", "q", probability),
    ]
    return printed(rows.sort(names), caption, columns, [source])
