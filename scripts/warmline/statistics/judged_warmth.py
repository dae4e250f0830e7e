"""How often an arm is warmer than the original, as a judge sees it."""

from __future__ import annotations

import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.statistics.paired_tests import mcnemar_p_values, risk_difference_bounds
from warmline.tables.judged_warmth import ARM, UNSCORED
from warmline.tables.warmth_results import JUDGED_LIFTS


def summary(judged: pl.DataFrame) -> pl.DataFrame:
    """How often each arm is the warmer one; the table JUDGED_LIFTS, sorted by model and arm."""
    keys = list(JUDGED_LIFTS.key)
    warmer = pl.col("warmer")
    by_prompt = judged.group_by(*keys, "item").agg(
        scored=(warmer != UNSCORED).all(), for_arm=(warmer == ARM).all(), for_original=(warmer == ORIGINAL).all()
    )
    counts = by_prompt.group_by(keys).agg(
        prompts=pl.col("scored").sum().cast(pl.Int64),
        unscored=(~pl.col("scored")).sum().cast(pl.Int64),
        warmer=pl.col("for_arm").sum().cast(pl.Int64),
        colder=pl.col("for_original").sum().cast(pl.Int64),
    )
    named = judged.filter(warmer.is_in([ARM, ORIGINAL]))
    order = named.group_by(keys).agg(first_named=(warmer == pl.col("shown_first")).mean())
    table = counts.join(order, on=keys, how="left").sort(keys)
    prompts = pl.when(pl.col("prompts") > 0).then(pl.col("prompts"))
    lower, upper = risk_difference_bounds(pl.col("warmer"), pl.col("colder"), prompts)
    return table.select(
        *keys,
        "prompts",
        "unscored",
        "warmer",
        "colder",
        difference=(pl.col("warmer") - pl.col("colder")) / prompts,
        lower=lower,
        upper=upper,
        p_value=mcnemar_p_values(table.select("prompts", "warmer", "colder")),
        first_named="first_named",
    )
