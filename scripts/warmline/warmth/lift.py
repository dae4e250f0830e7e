"""Lift: how far an arm's measure lies from the original's, prompt by prompt, with its error over prompts.

All arms of a model answer the same prompts, so an arm is compared with the original on each prompt, and the uncertainty
is that of having drawn these prompts and no others (the error bars of the article's Fig. 1a).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from warmline.design.arms import ORIGINAL

ARM = ("model", "arm", "persona", "checkpoint")
RESAMPLES = 2000
CONFIDENCE = 0.95


def lifts(measured: pl.DataFrame, value: str, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row for each arm, of the columns `by` and ARM, sorted by `by`, model and arm.

    `measured` has these columns, `item` (the prompt) and `value`, null where a response is unscored. Columns of the
    result: n (scored responses), unscored, mean, standard_error (over prompts); then, over the prompts that are scored
    for the arm and for the original, pairs, lift and lift_standard_error; these are null for the original itself. An
    error of fewer than two prompts is null.
    """
    return (
        _paired(measured, value, by)
        .group_by(*by, *ARM, maintain_order=True)
        .agg(
            n=pl.col(value).count().cast(pl.Int64),
            unscored=pl.col(value).null_count().cast(pl.Int64),
            mean=pl.col(value).mean(),
            standard_error=_standard_error(value),
            pairs=pl.when(pl.col("arm").first() != ORIGINAL).then(pl.col("lift").count().cast(pl.Int64)),
            lift=pl.col("lift").mean(),
            lift_standard_error=_standard_error("lift"),
        )
    )


def with_intervals(measured: pl.DataFrame, value: str, seed: int, by: Sequence[str] = ()) -> pl.DataFrame:
    """The table of `lifts` with lower and upper, the 95% interval of a lift; null for fewer than two pairs.

    It is the percentile bootstrap over prompts (Efron and Tibshirani, 1993, ch. 13), of RESAMPLES draws from the seed.
    Each arm's interval is its own, whatever other arms there are. Of few prompts, below about thirty, such an interval
    is somewhat too narrow.
    """
    keys = [*by, "model", "arm"]
    intervals = [
        (*names, *_interval(rows["lift"].drop_nulls().to_numpy(), seed))
        for names, rows in _paired(measured, value, by).group_by(*keys, maintain_order=True)
    ]
    schema = {**dict.fromkeys(keys, pl.String), **dict.fromkeys(["lower", "upper"], pl.Float64)}
    bounds = pl.DataFrame(intervals, schema=schema, orient="row")
    return lifts(measured, value, by).join(bounds, on=keys, how="left", maintain_order="left")


def _interval(differences: npt.NDArray[np.float64], seed: int) -> tuple[float | None, float | None]:
    if len(differences) < 2:
        return None, None
    result = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        # Bounds the memory that the resamples of 1,500 prompts take to a few MB.
        batch=200,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _paired(measured: pl.DataFrame, value: str, by: Sequence[str]) -> pl.DataFrame:
    """Every response with its `lift` over the original's to the same prompt, if it has one."""
    keys = [*by, "model"]
    original = measured.filter(arm=ORIGINAL).select(*keys, "item", original=value)
    lift = pl.when(pl.col("arm") != ORIGINAL).then(pl.col(value) - pl.col("original"))
    paired = measured.join(original, on=[*keys, "item"], how="left", validate="m:1").with_columns(lift=lift)
    # Sorted: the order of a floating-point sum is part of its value.
    return paired.sort(*keys, "arm", "item")


def _standard_error(name: str) -> pl.Expr:
    return pl.col(name).std() / pl.col(name).count().sqrt()
