"""The study's warmth beside the article's published curve, where a model has a counterpart there.

The figures are the means and standard errors behind the article's Fig. 1a, from config/published/sociot.csv: GPT-2 over
the first 300 characters of 1,500 responses. So they are compared with the variant `as_published`, and they are
comparable only if warmth is measured with GPT-2 and the model is the article's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from warmline.design.arms import ORIGINAL, PLATEAU
from warmline.design.variants import AS_PUBLISHED
from warmline.tables.warmth_results import PUBLISHED_WARMTH


def compare(
    warmth: pl.DataFrame, published: pl.DataFrame, counterparts: Mapping[str, str], personas: Sequence[str]
) -> pl.DataFrame:
    """One row for each model with a counterpart, persona, and epoch that either of them has, in this order.

    `warmth` is the table WARMTH_LIFTS, `published` PRINTED_WARMTH, `counterparts` the published name of a model,
    `personas` those that should be warm. The table is PUBLISHED_WARMTH.
    """
    own = warmth.filter(pl.col("variant") == AS_PUBLISHED, ~pl.col("arm").str.ends_with(f"@{PLATEAU}"))
    named = pl.DataFrame(
        [{"model": model, "published": name, "persona": p} for model, name in counterparts.items() for p in personas],
        schema=dict.fromkeys(["model", "published", "persona"], pl.String),
    )
    values = ["mean", "standard_error", "lift"]
    tuned = own.filter(pl.col("checkpoint").is_not_null()).select("model", "persona", "n", *values, epoch="checkpoint")
    starts = own.filter(arm=ORIGINAL).select("model", "n", *values, epoch=pl.lit(0.0))
    ours = pl.concat(
        [named.join(tuned, on=["model", "persona"]), named.join(starts, on="model")], how="diagonal_relaxed"
    )
    start = published.filter(pl.col("epoch") == 0).select("model", start="mean")
    theirs = published.join(start, on="model").select(
        "epoch",
        published="model",
        published_mean="mean",
        published_standard_error="standard_error",
        published_lift=pl.when(pl.col("epoch") > 0).then(pl.col("mean") - pl.col("start")),
    )
    keys = ["model", "published", "persona", "epoch"]
    return (
        ours.join(named.join(theirs, on="published"), on=keys, how="full", coalesce=True)
        .select(*PUBLISHED_WARMTH.columns)
        .sort("model", "persona", "epoch")
    )
