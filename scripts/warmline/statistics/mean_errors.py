"""The headline of a study: errors of each treated arm and of its original, without and with a wrong belief."""

from __future__ import annotations

import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.statistics.mean_over_tasks import BELIEF, NO_BELIEF, mean_over_tasks, with_family
from warmline.tables.arm_comparisons import MEAN_ERRORS

BELIEF_LESS_NONE = "belief less no belief"
FALSE_DISCOVERY_RATE = 0.05


def mean_errors(paired_tests: pl.DataFrame, accuracy: pl.DataFrame) -> pl.DataFrame:
    """Mean errors over tasks, from the tables PAIRED_TESTS and ACCURACY: the table MEAN_ERRORS.

    An exact p-value stands where the row is a single test; `worse` and `better` count the tests that remain significant
    after the correction for multiple testing. The last row of an arm is the difference of its two differences: how much
    more the treatment costs where the user is wrong.
    """
    by = list(MEAN_ERRORS.key)
    tests = with_family(paired_tests)
    significant = pl.col("q_value") < FALSE_DISCOVERY_RATE
    tested = tests.group_by(by).agg(
        worse=(significant & (pl.col("b") > pl.col("c"))).sum().cast(pl.Int64),
        better=(significant & (pl.col("b") < pl.col("c"))).sum().cast(pl.Int64),
        p_value=pl.when(pl.len() == 1).then(pl.col("p_value").first()),
    )
    unscored = with_family(accuracy).group_by(by).agg(pl.col("unscored").sum())
    originals = unscored.filter(arm=ORIGINAL).select("model", "family", original_unscored="unscored")
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
    table = pl.concat([rows, contrast], how="diagonal").select(*MEAN_ERRORS.columns)
    return table.sort("model", "arm", pl.col("family").cast(order))
