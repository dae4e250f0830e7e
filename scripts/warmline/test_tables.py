"""What the report says of the paired tests: the main table, a test for each task, and all of them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.mean_over_tasks import BELIEF, NO_BELIEF, mean_over_tasks, with_family
from warmline.printed_tables import Column, Fold, Frame, Table, count, named, number, printed, probability, signed

ACCURACY = ("model", "arm", "belief", "n", "unscored", "truncated")
RATES = ("pairs", "original_accuracy", "treated_accuracy", "b", "c")
TESTS = ("model", "arm", "task", "context", "belief", "framing", *RATES, "p_value", "q_value")

BELIEF_LESS_NONE = "belief less no belief"
FALSE_DISCOVERY_RATE = 0.05


def difference_table(paired_tests: Frame, accuracy: Frame) -> Table:
    """The main table: errors of each treated arm and of its original, without and with a wrong belief.

    Errors are means over tasks. An exact p-value stands where the row is a single test; `worse` and `better` count the
    tests that remain significant after the correction for multiple testing. The last row of an arm is the difference of
    its two differences: how much more the treatment costs where the user is wrong.
    """
    by = ["model", "arm", "family"]
    tests = with_family(paired_tests.content)
    significant = pl.col("q_value") < FALSE_DISCOVERY_RATE
    tested = tests.group_by(by).agg(
        worse=(significant & (pl.col("b") > pl.col("c"))).sum(),
        better=(significant & (pl.col("b") < pl.col("c"))).sum(),
        p_value=pl.when(pl.len() == 1).then(pl.col("p_value").first()),
    )
    unscored = with_family(accuracy.content).group_by(by).agg(pl.col("unscored").sum())
    originals = unscored.filter(arm="original").select("model", "family", original_unscored="unscored")
    rows = (
        tested.join(mean_over_tasks(tests, by), on=by, how="left")
        .join(unscored, on=by, how="left")
        .join(originals, on=["model", "family"], how="left")
    )
    without, belief = (rows.filter(family=family) for family in (NO_BELIEF, BELIEF))
    contrast = belief.join(without, on=["model", "arm"]).select(
        "model", "arm", family=pl.lit(BELIEF_LESS_NONE), increase=pl.col("increase") - pl.col("increase_right")
    )
    order = pl.Enum([NO_BELIEF, BELIEF, BELIEF_LESS_NONE])
    rows = pl.concat([rows, contrast], how="diagonal_relaxed").sort("model", "arm", pl.col("family").cast(order))
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
    return printed(rows, "Each treated arm against its original, mean over tasks", columns, [paired_tests, accuracy])


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
