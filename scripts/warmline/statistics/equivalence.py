"""Equivalence: whether two arms differ by less than a margin that was set beforehand.

That a difference is not significant does not show that there is none: of few questions, none would be. Two one-sided
tests (Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach for assessing the
equivalence of average bioavailability") ask instead whether the difference lies within the margin on both sides, which
is so at the 5 % level if its 90 % interval does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import t

from warmline.statistics import capability_rates
from warmline.statistics.all_tasks import ALL, all_tasks
from warmline.statistics.clustered_means import clustered_means
from warmline.statistics.paired_tests import LOST, adjusted_difference, pair
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
    (`all` first). Questions' answers are paired by prompt and pooled over contexts, beliefs and framings; a capability
    is asked once. Intervals and tests of errors are by the t distribution, clustered by question (`clustered_means`),
    with as many degrees of freedom as questions less one. The interval of capabilities is that of Bonett and Price, as
    in `paired_tests`, which holds where hardly a pair changed, and their test of a difference McNemar's exact one.

    Where no interval can be had (without pairs, of one question, of questions that all differ alike) it is null with
    what follows from it, and the verdict `inconclusive`.
    """
    parts = [_of_errors(observations, treated_arms), _of_capabilities(measured, treated_arms)]
    tested = pl.concat([_tests(part, margin) for part in parts])
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
    by = ["model", "arm", "task"]
    tasks = all_tasks(pair(observations, treated_arms).with_columns(lost=LOST))
    return clustered_means(tasks, "lost", by, ["asked", "item"]).select(
        *by,
        measure=pl.lit(ERROR),
        pairs="rows",
        clusters="clusters",
        difference="mean",
        centre="mean",
        error="standard_error",
        freedom=(pl.col("clusters") - 1).cast(pl.Float64),
        p_value_difference=pl.lit(None, pl.Float64),
    )


def _of_capabilities(measured: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    compared = capability_rates.rates(measured).filter(pl.col("arm").is_in(list(treated_arms)))
    centre, error = adjusted_difference(pl.col("gained"), pl.col("lost"), pl.col("pairs"))
    paired = pl.col("pairs") > 0
    return compared.select(
        *EQUIVALENCE.key,
        pairs="pairs",
        clusters="pairs",
        difference="difference",
        centre=pl.when(paired).then(centre),
        error=pl.when(paired).then(error),
        freedom=pl.lit(np.inf),
        p_value_difference="p_value",
    )


def _tests(differences: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Both tests of differences around a `centre` with a standard `error`; of infinite freedom, normal ones."""
    names = ("difference", "centre", "error", "freedom")
    difference, centre, error, freedom = (differences[name].cast(pl.Float64).to_numpy() for name in names)
    difference, centre, error = 100 * difference, 100 * centre, 100 * error
    half = t.ppf(1 - LEVEL, freedom) * error
    above, below = t.sf((centre + margin) / error, freedom), t.sf((margin - centre) / error, freedom)
    two_sided = pl.Series(2 * t.sf(np.abs(centre) / error, freedom)).fill_nan(None)
    return differences.select(
        *EQUIVALENCE.key,
        "pairs",
        "clusters",
        difference=difference,
        lower=np.clip(centre - half, -100, 100),
        upper=np.clip(centre + half, -100, 100),
        margin=pl.lit(float(margin)),
        p_value=np.maximum(above, below),
        p_value_difference=pl.coalesce("p_value_difference", two_sided),
    ).with_columns(pl.col("difference", "lower", "upper", "p_value").fill_nan(None))
