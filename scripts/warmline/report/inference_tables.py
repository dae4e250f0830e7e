"""What the report says of how far the results carry: joint tests, other analyses, equivalence."""

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
from warmline.tables.regression_results import JOINT_TESTS


def joint_table(joint_tests: Sequence[Frame]) -> Table:
    """Whether the effect of each treated arm differs between the levels of each regression's factor."""
    tests = [
        source.content.select(
            pl.lit(source.path.parent.name).alias("regression"), pl.lit(source.path.stem).alias("arm"), pl.all()
        )
        for source in joint_tests
    ]
    none = pl.DataFrame(schema={"regression": pl.String, "arm": pl.String, **JOINT_TESTS.schema})
    rows = pl.concat([none, *tests])
    columns = [
        *named("regression", "arm"),
        Column("factor", "Between levels of"),
        Column("errors", "Errors"),
        Column("wald", "Wald statistic", number(2)),
        Column("degrees_of_freedom", "Degrees of freedom", count),
        Column("p_value", "p", probability),
        Column("rows", "Answers counted", count),
        Column("clusters", "Questions", count),
        Column("state", "State"),
    ]
    shown = rows.with_columns(factor=pl.col("factor").str.replace_all("_", " "))
    return printed(shown, "Does the effect of the treatment differ at all?", columns, joint_tests)


def robustness_folds(robustness: Frame) -> list[Fold]:
    """A fold for each regression and treated arm, with its effect by every analysis."""
    columns = [
        Column("subset", "Answers"),
        Column("errors", "Errors"),
        Column("effect", "Effect", signed(2)),
        Column("lower", "Lower", signed(2)),
        Column("upper", "Upper", signed(2)),
        Column("rows", "Answers counted", count),
        Column("clusters", "Questions", count),
        Column("state", "State"),
    ]
    caption = "Effect of the treatment on errors by analysis (percentage points, 95% intervals)"
    groups = robustness.content.group_by("regression", "arm", maintain_order=True)
    return [
        Fold(f"{regression}, {arm}, by analysis", [printed(rows, caption, columns, [robustness])])
        for (regression, arm), rows in groups
    ]


def equivalence_table(equivalence: Frame) -> Table:
    """Whether each treated arm differs from its original by less than the margin."""
    columns = [
        *named("model", "arm", "task", "measure"),
        Column("difference", "Difference (percentage points)", signed(1)),
        Column("lower", "Lower, 90%", signed(1)),
        Column("upper", "Upper, 90%", signed(1)),
        Column("margin", "Margin", number(1)),
        Column("p_value", "p of equivalence", probability),
        Column("p_value_difference", "p of a difference", probability),
        Column("pairs", "Pairs", count),
        Column("clusters", "Questions", count),
        Column("verdict", "Verdict"),
    ]
    return printed(equivalence.content, "Each treated arm against its original and the margin", columns, [equivalence])
