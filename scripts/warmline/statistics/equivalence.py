"""Equivalence: whether two arms differ by less than a margin that was set beforehand.

That a difference is not significant does not show that there is none: of few questions, none would be. Two one-sided
tests (Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach for assessing the
equivalence of average bioavailability") ask instead whether the difference lies within the margin on both sides, which
is so at the 5 % level if its 90 % interval does.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.lineage.errors import UserError
from warmline.statistics import bounded_means, capability_rates
from warmline.statistics.all_tasks import ALL, all_tasks
from warmline.statistics.paired_tests import LOST, pair
from warmline.tables.arm_comparisons import EQUIVALENCE
from warmline.tables.csv_tables import rounded

ERROR = "error"
LEVEL = 0.05
EQUIVALENT, DIFFERENT, INCONCLUSIVE = "equivalent", "different", "inconclusive"


def equivalence(
    observations: pl.DataFrame, measured: pl.DataFrame, treated_arms: Sequence[str], margin: float
) -> pl.DataFrame:
    """Each treated arm against `original`, by task and over `all` tasks, and on each capability (`measured`).

    The table is EQUIVALENCE, sorted by model, arm, `measure` (`error` first, that of answers to questions) and task
    (`all` first). Questions' answers are paired by prompt and pooled over contexts, beliefs and framings; a cluster is
    all pairs of one question. A capability is asked once, and its test of a difference is McNemar's exact one. Without
    pairs there is no test, and the verdict is `inconclusive`.
    """
    if not 0 < margin < 100:
        raise UserError(f"a margin of {margin:g} points: expected more than 0 and less than 100.")
    clusters = pl.concat([_of_errors(observations, treated_arms), _of_capabilities(measured, treated_arms)])
    rows = [
        (*key, *_tests(questions.filter(pl.col("size") > 0), margin))
        for key, questions in clusters.group_by(EQUIVALENCE.key)
    ]
    columns = {name: dtype for name, dtype in EQUIVALENCE.schema.items() if name != "verdict"}
    tested = pl.DataFrame(rows, schema=columns, orient="row")
    verdict = (
        pl.when(pl.col("p_value") < LEVEL)
        .then(pl.lit(EQUIVALENT))
        .when(pl.col("p_value_difference") < LEVEL)
        .then(pl.lit(DIFFERENT))
        .otherwise(pl.lit(INCONCLUSIVE))
    )
    order = ("model", "arm", pl.col("measure") != ERROR, "measure", pl.col("task") != ALL, "task")
    return rounded(tested.with_columns(verdict=verdict).sort(*order))


def _of_errors(observations: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    """How many questions of each task there are with each `total` of answers lost and each number of pairs, `size`."""
    tasks = all_tasks(pair(observations, treated_arms).with_columns(lost=LOST))
    questions = tasks.group_by("model", "arm", "task", "asked", "item").agg(
        total=pl.col("lost").sum(), size=pl.col("lost").count().cast(pl.Int64)
    )
    counted = questions.group_by("model", "arm", "task", "total", "size").agg(number=pl.len().cast(pl.Int64))
    key = ("model", "arm", "task", pl.lit(ERROR).alias("measure"))
    return counted.select(*key, "total", "size", "number").sort("total", "size")


def _of_capabilities(measured: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    """The same of each capability, a pair for each question, by whether the treated arm gained or lost it."""
    compared = capability_rates.rates(measured).filter(pl.col("arm").is_in(list(treated_arms)))
    unchanged = pl.col("pairs") - pl.col("gained") - pl.col("lost")
    # One row of no size stands for an arm without a pair.
    return pl.concat(
        compared.select(
            *EQUIVALENCE.key,
            total=pl.lit(total, pl.Int64),
            size=(pl.col("pairs") > 0).cast(pl.Int64),
            number=number,
        )
        for total, number in ((-1, pl.col("lost")), (0, unchanged), (1, pl.col("gained")))
    )


def _tests(questions: pl.DataFrame, margin: float) -> tuple[int | float | None, ...]:
    """The columns of EQUIVALENCE from `pairs` to `p_value_difference`."""
    totals, sizes, numbers = (questions[name].to_numpy() for name in ("total", "size", "number"))
    pairs, clusters = int((sizes * numbers).sum()), int(numbers.sum())
    if not pairs:
        return pairs, clusters, None, None, None, float(margin), None, None
    lower, upper = bounded_means.bounds(totals, sizes, numbers, LEVEL)
    at_most, at_least = (bounded_means.p_value(side * totals, sizes, numbers, margin / 100) for side in (-1, 1))
    return (
        *(pairs, clusters, 100 * int((totals * numbers).sum()) / pairs, 100 * lower, 100 * upper, float(margin)),
        *(max(at_most, at_least), bounded_means.two_sided_p_value(totals, sizes, numbers)),
    )
