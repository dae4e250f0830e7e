"""All effects of treatment in one table: as published, corrected, and what the article printed.

As published, an effect's errors come from the model alone; corrected, they are clustered by question. The article's own
numbers stand beside the arm that it is about; they were measured on its own models.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from warmline.design import arms
from warmline.statistics.all_tasks import ALL
from warmline.tables.regression_results import EFFECTS

SYCOPHANCY = "sycophancy"
ARTICLE_ARM = arms.tuned("warm", 2)
"""The article's warm models are those after two epochs of training."""


def gather(
    fits: Iterable[tuple[str, str, pl.DataFrame]], differences: pl.DataFrame, article: pl.DataFrame
) -> pl.DataFrame:
    """Every marginal effect of the fits, in their order, and then every difference in differences over all tasks.

    `fits` are a regression's name, an arm and its table MARGINAL_EFFECTS; `differences` is the table SYCOPHANCY;
    `article` holds the article's printed numbers, the table ARTICLE. The table is EFFECTS.
    """
    shared = [name for name in EFFECTS.columns if name not in ("analysis", "model", "arm", "article")]
    effects = [
        effects.select(pl.lit(regression).alias("analysis"), pl.lit(arm).alias("arm"), *shared)
        for regression, arm, effects in fits
    ]
    points = {"effect": "difference", "lower_clustered": "lower", "upper_clustered": "upper"}
    added = differences.filter(task=ALL).select(
        *("model", "arm"),
        analysis=pl.lit(SYCOPHANCY),
        subset="belief",
        rows="prompts",
        clusters="questions",
        p_value_clustered="p_value",
        **{name: 100 * pl.col(share) for name, share in points.items()},
    )
    gathered = pl.concat([EFFECTS.schema.to_frame().drop("article"), *effects, added], how="diagonal_relaxed")
    printed = article.filter(unit="pp").select(
        pl.col("id").str.replace(r"\.effect$", ".all"), article=pl.col("value").cast(pl.Float64)
    )
    same = pl.format("{}.{}", "analysis", "subset")
    identity = pl.when(pl.col("contrast").is_null(), arm=ARTICLE_ARM).then(same)
    return (
        gathered.with_columns(id=identity)
        .join(printed, on="id", how="left", maintain_order="left")
        .select(*EFFECTS.columns)
        .cast(EFFECTS.schema)
    )
