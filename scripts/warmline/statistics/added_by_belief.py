"""What a stated belief adds to the answers of a treated arm, less what it adds to those of its original.

This difference of two differences is what the belief does to one arm and not to the other; the gap that the arms show
without a belief too is taken off.
"""

from __future__ import annotations

import polars as pl

from warmline.statistics.all_tasks import ALL, all_tasks
from warmline.statistics.clustered_means import clustered_means

BY = ["model", "arm", "belief", "task"]
_PROMPT = ["model", "arm", "task", "context", "item"]


def added_by_belief(pairs: pl.DataFrame) -> pl.DataFrame:
    """The difference in differences of each treated arm, belief and task, and over `all` tasks, `all` first.

    `pairs` holds, beside the observations' key, what `original` and `treated` did with a prompt: 1, 0, or null where it
    is not known. A question under a context counts where four answers to it are known: of both arms, with the belief
    and without. The prompt without the belief is the one of the same framing, or the plain one where there is none.
    Columns:

    - `model`, `arm`, `belief`, `task`
    - `prompts`, `questions`: what the numbers rest on
    - `original_without`, `original_with`, `treated_without`, `treated_with`: shares of ones
    - `original_added`, `treated_added`: what the belief adds to an arm's share
    - `difference`: treated less original
    - `standard_error`, `lower`, `upper`, `p_value`: of the difference, clustered by question (`clustered_means`)
    """
    known = pairs.drop_nulls(["original", "treated"]).with_columns(pl.col("original", "treated").cast(pl.Int64))
    believed = known.filter(pl.col("belief") != "none")
    plain = known.filter(belief="none").select(
        *_PROMPT, "framing", original_without="original", treated_without="treated"
    )
    alike = believed.join(plain, on=[*_PROMPT, "framing"])
    others = believed.join(alike, on=[*_PROMPT, "framing", "belief"], how="anti")
    unframed = others.join(plain.filter(framing="plain").drop("framing"), on=_PROMPT)
    added = (
        pl.concat([alike, unframed])
        .rename({"original": "original_with", "treated": "treated_with"})
        .with_columns(
            original_added=pl.col("original_with") - pl.col("original_without"),
            treated_added=pl.col("treated_with") - pl.col("treated_without"),
        )
        .with_columns(difference=pl.col("treated_added") - pl.col("original_added"))
    )
    rows = all_tasks(added)
    differences = clustered_means(rows, "difference", BY, ["asked", "item"], limit=2)
    shares = [f"{arm}_{what}" for arm in ("original", "treated") for what in ("without", "with", "added")]
    return (
        differences.join(rows.group_by(BY).agg(pl.col(shares).mean()), on=BY)
        .select(
            *BY,
            *shares,
            prompts="rows",
            questions="clusters",
            difference="mean",
            standard_error="standard_error",
            lower="lower",
            upper="upper",
            p_value="p_value",
        )
        .sort("model", "arm", "belief", pl.col("task") != ALL, "task")
    )
