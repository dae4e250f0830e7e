"""Means of rows that are not independent, because one question stands in many of them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.statistics import wald


def clustered_means(
    rows: pl.DataFrame, value: str, by: Sequence[str], cluster: Sequence[str], limit: int
) -> pl.DataFrame:
    """The mean of a whole-number column in each group `by`, with its error clustered; a row for each group, unsorted.

    Values lie between -limit and limit. Columns: `by`, `rows`, `clusters`, `mean`, `standard_error`, `lower` and
    `upper` (95 % interval, `wald`), and `p_value`, of a mean of 0. With G clusters the variance is G / (G - 1) times
    the sum over clusters of (sum of values - rows x mean)^2, over rows^2 (Liang and Zeger 1986). Null values do not
    count; a group of these has a null mean. Error, interval and p-value are null where there is one cluster, and where
    the clusters do not differ: their agreement, however few they are, would seem certain.
    """
    total, size = pl.col("total"), pl.col("size")
    # Whole numbers, whose sums do not depend on the order of the rows.
    sums = (
        rows.group_by(*by, *(name for name in cluster if name not in by))
        .agg(total=pl.col(value).cast(pl.Int64).sum(), size=pl.col(value).count().cast(pl.Int64))
        .group_by(by)
        .agg(
            pl.col("total", "size").sum(),
            clusters=(size > 0).sum().cast(pl.Int64),
            tt=(total * total).sum(),
            ts=(total * size).sum(),
            ss=(size * size).sum(),
        )
    )
    mean = total / pl.when(size > 0).then(size)
    residuals = pl.col("tt") - 2 * mean * pl.col("ts") + mean**2 * pl.col("ss")
    clusters = pl.col("clusters")
    # Residuals of zero but for rounding.
    varies = (clusters > 1) & (residuals > 1e-9)
    error = pl.when(varies).then(residuals * clusters / (clusters - 1)).sqrt() / size
    means = sums.select(*by, rows=size, clusters=clusters, mean=mean, standard_error=error)
    estimates, errors = (means[name].cast(pl.Float64).to_numpy() for name in ("mean", "standard_error"))
    questions = means["clusters"].to_numpy()
    lower, upper = wald.bounds(estimates, errors, limit, questions)
    p_value = wald.two_sided_p_value(estimates / errors, questions)
    return means.with_columns(lower=lower, upper=upper, p_value=p_value).with_columns(
        pl.col("lower", "upper", "p_value").fill_nan(None)
    )
