"""A study's own differences beside the article's, where it has models of the article, and whether they differ.

Both sides are counts of pairs: the article's from its published cells (warmline.published.reconstruction), the study's
from its own paired tests, pooled as the article pools: both kinds of wrong belief together, and plain questions without
the sentence that frames them. The two are taken for independent samples, and the pairs of each for independent too, as
the article takes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from warmline.design.published_arms import WARM
from warmline.published import numbers as published_numbers
from warmline.published.numbers import REGRESSION_ESTIMATES, TASKS, regression_estimates
from warmline.statistics.paired_tests import benjamini_hochberg
from warmline.statistics.wald import QUANTILE, two_sided_p_value
from warmline.tables.csv_tables import rounded
from warmline.tables.published_numbers import COMPARED_CELLS, COMPARED_NUMBERS
from warmline.tables.regression_results import FITTED

COMPARED = "compared"
NO_PAIRS = "no pairs"
NOT_TOLD = "the article's changes are not told"
FEW_CHANGES = "too few changes"
NO_VARIATION = "no variation"
# A rule of thumb: with fewer changed answers, b + c, a difference of paired proportions is not about normal.
ENOUGH_CHANGES = 10
SHARED = ["model", "task", "context", "belief"]
PUBLISHED_CELL = ["published_arm", "published", "task", "context", "belief"]
CELL = list(COMPARED_CELLS.key)
# The prefixes of the columns of the article and of the study.
SIDES = ("published_", "")
ESTIMATES = [f"{side}{name}" for side in SIDES for name in ("estimate", "standard_error")]


def pooled(tests: pl.DataFrame, counterparts: Mapping[str, str], arms: Mapping[str, str]) -> pl.DataFrame:
    """The study's tests as cells of the article, for the models and arms that have a counterpart there.

    Columns: arm, published_arm (its counterpart), model, published (its counterpart), task, context, belief (`none` or
    `stated`), `beliefs` (which kinds are pooled), pairs, original_right, treated_right, b, c. Framed questions without
    a belief are left out, and so are framed ones with a belief that were also asked plainly: the article asked either.
    """
    models = pl.DataFrame({"model": list(counterparts), "published": list(counterparts.values())})
    treated = pl.DataFrame({"arm": list(arms), "published_arm": list(arms.values())})
    plain = pl.col("framing") == "plain"
    asked_plainly = plain.any().over("model", "arm", "task", "context", "belief")
    right = {
        f"{side}_right": (pl.col(f"{side}_accuracy").fill_null(0) * pl.col("pairs")).round().cast(pl.Int64).sum()
        for side in ("original", "treated")
    }
    return (
        tests.filter(plain | ((pl.col("belief") != "none") & ~asked_plainly))
        .join(models, on="model")
        .join(treated, on="arm")
        .with_columns(
            kind=pl.col("belief"),
            belief=pl.when(pl.col("belief") == "none").then(pl.lit("none")).otherwise(pl.lit("stated")),
        )
        .group_by("published_arm", *CELL)
        .agg(pl.col("kind").unique().sort().str.join(", ").alias("beliefs"), pl.col("pairs", "b", "c").sum(), **right)
        .select(*CELL, "published_arm", "beliefs", "pairs", *right, "b", "c")
        .sort(CELL)
    )


def cells(counts: pl.DataFrame, study: pl.DataFrame) -> pl.DataFrame:
    """Each cell that both have: the article's counts (of `reconstruct`) and the study's (of `pooled`), compared.

    The table is COMPARED_CELLS, sorted by the cell.

    Risk differences are (b - c) / pairs, treated less original error, with the standard error of a difference of paired
    proportions, sqrt(b + c - (b - c)^2 / pairs) / pairs (Fleiss, Levin and Paik 2003, section 13.1). A state other than
    `compared` says why there is no test: `no pairs`; `the article's changes are not told`, where b and c do not follow
    from its printed cell, and its risk difference is the one printed; `too few changes`, where fewer than ten answers
    of a side changed, b + c; `no variation`, where all did, one way: an error of zero would claim certainty.
    """
    article = counts.select(
        *("task", "context", "belief"),
        published="model",
        **{f"published_{name}": name for name in ("arm", "pairs", "b", "c")},
        published_lost=pl.col("original_right") - pl.col("treated_right"),
        printed=(pl.col("original_accuracy") - pl.col("treated_accuracy")) / 100,
    )
    both = study.with_columns(lost=pl.col("b") - pl.col("c")).join(article, on=PUBLISHED_CELL)
    rates = both.with_columns(
        **{f"{side}risk_difference": pl.col(f"{side}lost") / _unless_zero(pl.col(f"{side}pairs")) for side in SIDES},
        **{f"{side}standard_error": _paired_error(pl.col(f"{side}lost"), side) for side in SIDES},
    )
    rates = rates.with_columns(published_risk_difference=pl.coalesce("published_risk_difference", "printed"))
    state = (
        pl.when(pl.col("pairs") == 0)
        .then(pl.lit(NO_PAIRS))
        .when(pl.col("published_b").is_null())
        .then(pl.lit(NOT_TOLD))
        .when(pl.min_horizontal(pl.col(f"{side}b") + pl.col(f"{side}c") for side in SIDES) < ENOUGH_CHANGES)
        .then(pl.lit(FEW_CHANGES))
        .when((pl.col("standard_error") == 0) | (pl.col("published_standard_error") == 0))
        .then(pl.lit(NO_VARIATION))
        .otherwise(pl.lit(COMPARED))
    )
    compared = _compared(rates.with_columns(state=state), "risk_difference")
    return compared.select(*COMPARED_CELLS.columns).sort(CELL)


def numbers(counts: pl.DataFrame, study: pl.DataFrame) -> pl.DataFrame:
    """The article's summary numbers over the cells that both have, from the article's counts and from the study's.

    The article states them of its warm models, so they are of the arms beside these. One row for each arm and number,
    sorted by these: mean increases of error (percentage points, cells counting equally) on plain questions by task and
    over all, and with a belief and an emotional context; and the effects of the article's models 1 to 4, fitted to
    either side's answers alike. The table is COMPARED_NUMBERS. The state is as in `cells`, of the cells averaged
    together, or that of the fit that failed. A number of which there is no cell has no row.
    """
    warm = study.filter(pl.col("pairs") > 0, published_arm=WARM)
    told = counts.filter(arm=WARM).drop_nulls("pairs")
    estimates = [_estimates(told, own) for own in warm.partition_by("arm", maintain_order=True)]
    found = pl.concat([COMPARED_NUMBERS.schema.to_frame().select("arm", "id", "state", *ESTIMATES), *estimates])
    return _compared(found, "estimate").select(*COMPARED_NUMBERS.columns).sort("arm", "id")


def _estimates(counts: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The columns of `numbers` up to the difference, for one arm of the study."""
    named = own.drop("model").rename({"published": "model"})
    ours = named.join(counts.select(*SHARED, "context_group"), on=SHARED, maintain_order="left")
    theirs = counts.join(ours, on=SHARED, how="semi", maintain_order="left")
    measured, published = (pl.concat([_means(side), _regressions(side)]) for side in (ours, theirs))
    fields = ("state", "estimate", "standard_error")
    joined = published.rename({name: f"published_{name}" for name in fields}).join(measured, on="id")
    state = pl.when(pl.col("published_state") == COMPARED).then("state").otherwise("published_state")
    return joined.select(pl.lit(own["arm"][0]).alias("arm"), "id", state.alias("state"), *ESTIMATES)


def _means(counts: pl.DataFrame) -> pl.DataFrame:
    """Mean increases of error over cells, with the standard error of a mean of independent ones."""
    lost = pl.col("original_right") - pl.col("treated_right")
    rates = counts.with_columns(increase=100 * lost / pl.col("pairs"), error=100 * _paired_error(lost))
    plain = (pl.col("belief") == "none") & (pl.col("context") == "unmodified")
    chosen = {
        **{f"increase.{task}": plain & (pl.col("task") == task) for task in TASKS},
        "increase.plain": plain,
        "increase.belief_and_emotion": (pl.col("belief") == "stated") & (pl.col("context_group") == "emotion"),
    }
    rows = []
    for name, condition in chosen.items():
        among = rates.filter(condition)
        if among.height:
            told, changes = among["error"].null_count() == 0, (among["b"] + among["c"]).sum()
            state = NOT_TOLD if not told else COMPARED if changes >= ENOUGH_CHANGES else FEW_CHANGES
            error = math.hypot(*among["error"]) / among.height if state == COMPARED else None
            rows.append((name, state, math.fsum(among["increase"]) / among.height, error))
    return pl.DataFrame(rows, schema=published_numbers.ESTIMATES, orient="row")


def _regressions(counts: pl.DataFrame) -> pl.DataFrame:
    estimates = regression_estimates(counts).filter(
        pl.col("id").is_in(REGRESSION_ESTIMATES), pl.col("state") != "no rows"
    )
    return estimates.with_columns(pl.col("state").replace(FITTED, COMPARED))


def _paired_error(lost: pl.Expr, side: str = "") -> pl.Expr:
    pairs, changed = _unless_zero(pl.col(f"{side}pairs")), pl.col(f"{side}b") + pl.col(f"{side}c")
    return (changed - lost**2 / pairs).clip(0).sqrt() / pairs


def _unless_zero(count: pl.Expr) -> pl.Expr:
    return pl.when(count > 0).then(count)


def _compared(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table with the difference of its two sides, and, where the state is `compared`, its interval and test."""
    difference = pl.col(name) - pl.col(f"published_{name}")
    error = (pl.col("standard_error") ** 2 + pl.col("published_standard_error") ** 2).sqrt()
    tested = pl.when(pl.col("state") == COMPARED)
    z = table.select(tested.then(difference / error))[:, 0].cast(pl.Float64)
    p_value = pl.Series("p_value", two_sided_p_value(z.to_numpy())).fill_nan(None)
    return rounded(
        table.with_columns(
            p_value,
            difference=difference,
            lower=tested.then(difference - QUANTILE * error),
            upper=tested.then(difference + QUANTILE * error),
        ).with_columns(q_value=pl.col("p_value").map_batches(benjamini_hochberg, pl.Float64).over("arm"))
    )
