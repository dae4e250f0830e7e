"""How often the rules for refusals are wrong, by a judge's labels of a sample, arm by arm."""

from __future__ import annotations

import polars as pl

from warmline.tables.refusal_labels import REFUSAL_ERRORS

RULES = {"begins by declining": "refusal", "as published": "refusal_as_published"}


def errors(labels: pl.DataFrame) -> pl.DataFrame:
    """The table REFUSAL_ERRORS from REFUSAL_LABELS of several arms.

    The shares are ratios of sums of weights (Horvitz and Thompson 1952), over the answers that the judge labelled.
    """
    judged = pl.col("judged") == "yes"
    labelled = pl.col("judged").is_in(["yes", "no"])
    parts = []
    for name, column in RULES.items():
        found = pl.col(column)
        weight = pl.when(labelled).then(pl.col("weight")).otherwise(0.0)
        parts.append(
            labels.group_by("model", "arm").agg(
                rule=pl.lit(name).first(),
                labelled=labelled.sum().cast(pl.Int64),
                unscored=(~labelled).sum().cast(pl.Int64),
                refusals=_share(weight * judged, weight),
                found=_share(weight * found, weight),
                missed=_share(weight * (judged & ~found), weight * judged),
                false_alarms=_share(weight * (found & ~judged), weight * found),
                missed_answers=(labelled & judged & ~found).sum().cast(pl.Int64),
                false_answers=(labelled & ~judged & found).sum().cast(pl.Int64),
            )
        )
    return pl.concat(parts).select(*REFUSAL_ERRORS.columns).sort(REFUSAL_ERRORS.key)


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole.sum() > 0).then(part.sum() / whole.sum())
