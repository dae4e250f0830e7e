"""Errors of an arm and of its original, averaged over tasks, from the paired tests.

Both errors of a row are taken over the same pairs, so that a question which one arm left unscored moves neither. Within
a task the pairs are pooled; the tasks, whose numbers of questions differ, then count equally (article, Fig. 2: the
mean accuracy over the four tasks).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

NO_BELIEF = "no belief"
BELIEF = "belief"


def with_family(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with the column `family`: "no belief", or "belief" for a user who states a wrong one, in any way."""
    family = pl.when(pl.col("belief") == "none").then(pl.lit(NO_BELIEF)).otherwise(pl.lit(BELIEF))
    return frame.with_columns(family=family)


def mean_over_tasks(paired_tests: pl.DataFrame, by: Iterable[str]) -> pl.DataFrame:
    """One row for each value of the columns `by`: tasks, tests, pairs, original_error, treated_error, increase.

    `paired_tests` is the table PAIRED_TESTS. Errors are percentages and the increase (treated minus original) is in
    percentage points. Tests without a pair count in none of them.
    """
    keys = list(by)
    pairs = pl.col("pairs")
    weighted = {
        f"{who}_error": 100 * (1 - (pl.col(f"{who}_accuracy") * pairs).sum() / pairs.sum())
        for who in ("original", "treated")
    }
    # Sorted first: the order of a floating-point sum is part of its value.
    tests = paired_tests.filter(pairs > 0).sort([*keys, "task", "context", "belief", "framing"])
    by_task = tests.group_by([*keys, "task"], maintain_order=True).agg(pl.len().alias("tests"), pairs.sum(), **weighted)
    means = by_task.group_by(keys, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("tasks"),
        pl.col("tests").sum().cast(pl.Int64),
        pairs.sum(),
        pl.col("original_error", "treated_error").mean(),
    )
    # Digits beyond these depend on how the sums were split among cores.
    return means.with_columns(increase=pl.col("treated_error") - pl.col("original_error")).with_columns(
        pl.col("original_error", "treated_error", "increase").round(10)
    )
