"""All effects of treatment in one table: as published, corrected, and what the article printed.

As published, an effect's errors come from the model alone; corrected, they are clustered by question. The article's own
numbers stand beside the arm that it is about; they were measured on its own models.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from warmline import arm_names

SYCOPHANCY = "sycophancy"
ARTICLE_ARM = arm_names.tuned("warm", 2)
"""The article's warm models are those after two epochs of training."""
INTERVALS = ("lower", "upper", "p_value", "lower_clustered", "upper_clustered", "p_value_clustered")
EFFECTS = ("state", "subset", "contrast", "rows", "clusters", "effect", *INTERVALS)
DIFFERENCES = ("model", "arm", "belief", "task", "prompts", "questions", "difference", "lower", "upper", "p_value")
ARTICLE = ("id", "unit", "value")
COLUMNS = {
    **dict.fromkeys(("analysis", "model", "arm", "state", "subset", "contrast"), pl.String),
    **dict.fromkeys(("rows", "clusters"), pl.Int64),
    **dict.fromkeys(("effect", *INTERVALS, "article"), pl.Float64),
}


def gather(
    fits: Iterable[tuple[str, str, pl.DataFrame]], differences: pl.DataFrame, article: pl.DataFrame
) -> pl.DataFrame:
    """Every marginal effect of the fits, in their order, and then every difference in differences over all tasks.

    `fits` are a regression's name, an arm and its marginal effects (`EFFECTS`); `differences` are those of sycophancy
    (`DIFFERENCES`); `article` holds the article's printed numbers as text (`ARTICLE`). Columns:

    - `analysis`, `arm`: the regression or `sycophancy`, and the treated arm; `model`: null where models are pooled
    - `state`: of the fit; null for sycophancy
    - `subset`, `contrast`: as in the marginal effects; for sycophancy, the kind of belief
    - `rows`, `clusters`: answers, or prompts for sycophancy, and questions that the effect rests on
    - `effect`: percentage points
    - `lower`, `upper`, `p_value`: from the model alone; `lower_clustered`, `upper_clustered`, `p_value_clustered`
    - `article`: what the article printed for this effect, percentage points
    """
    effects = [
        effects.select(pl.lit(regression).alias("analysis"), pl.lit(arm).alias("arm"), *EFFECTS)
        for regression, arm, effects in fits
    ]
    points = {"effect": "difference", "lower_clustered": "lower", "upper_clustered": "upper"}
    added = differences.filter(task="all").select(
        *("model", "arm"),
        analysis=pl.lit(SYCOPHANCY),
        subset="belief",
        rows="prompts",
        clusters="questions",
        p_value_clustered="p_value",
        **{name: 100 * pl.col(share) for name, share in points.items()},
    )
    gathered = pl.concat([pl.DataFrame(schema=COLUMNS).drop("article"), *effects, added], how="diagonal_relaxed")
    printed = article.filter(unit="pp").select(
        pl.col("id").str.replace(r"\.effect$", ".all"), article=pl.col("value").cast(pl.Float64)
    )
    same = pl.format("{}.{}", "analysis", "subset")
    identity = pl.when(pl.col("contrast").is_null(), arm=ARTICLE_ARM).then(same)
    return (
        gathered.with_columns(id=identity)
        .join(printed, on="id", how="left", maintain_order="left")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
