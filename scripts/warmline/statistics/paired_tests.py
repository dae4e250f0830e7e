"""Paired tests of each treated arm against the original arm of the same model (article, Methods; McNemar 1947).

Both arms answer the same questions, so each cell (model, arm, task, context, belief, framing) is a 2 x 2 table over
questions. Only its off-diagonal counts bear on the difference: b, right before and wrong after treatment, and c, the
reverse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import false_discovery_control
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from warmline.lineage.errors import UserError
from warmline.statistics.wald import QUANTILE
from warmline.tables import parquet_tables
from warmline.tables.arm_comparisons import PAIRED_TESTS
from warmline.tables.observations import OBSERVATIONS

FAMILY = ["model", "arm", "task", "belief"]

_SCORED = (pl.col("original") != "unscored") & (pl.col("treated") != "unscored")
_ORIGINAL_RIGHT, _TREATED_RIGHT = pl.col("original") == "correct", pl.col("treated") == "correct"
# Of the rows of `pair`: those scored on both sides, right on both, right only before and only after treatment.
COUNTS = {
    "pairs": _SCORED.sum().cast(pl.Int64),
    "both": (_SCORED & _ORIGINAL_RIGHT & _TREATED_RIGHT).sum().cast(pl.Int64),
    "b": (_SCORED & _ORIGINAL_RIGHT & ~_TREATED_RIGHT).sum().cast(pl.Int64),
    "c": (_SCORED & ~_ORIGINAL_RIGHT & _TREATED_RIGHT).sum().cast(pl.Int64),
}
# Of one row: 1 where only the original is right, -1 where only the treated arm is, null where one side is unscored.
LOST = pl.when(_SCORED).then(_ORIGINAL_RIGHT.cast(pl.Int64) - _TREATED_RIGHT.cast(pl.Int64))


def paired_tests(observations: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    """Test each treated arm against `original` over the questions that are scored on both sides.

    The table is PAIRED_TESTS, sorted by model, treated arm, task, context, belief and framing, for all of these in
    which both arms answered. A cell without pairs is not tested: its rates and both probabilities are null. Raises
    UserError if an arm has answered a question twice under one condition, for then the pairs are not one to one.
    """
    counts = pair(observations, treated_arms).group_by(PAIRED_TESTS.key).agg(**COUNTS).sort(PAIRED_TESTS.key)
    b, c = pl.col("b"), pl.col("c")
    pairs = _unless_zero(pl.col("pairs"))
    changed = _unless_zero(b + c)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = proportion_confint(counts["b"].to_numpy(), (counts["b"] + counts["c"]).to_numpy(), method="beta")
    risk_difference_lower, risk_difference_upper = risk_difference_bounds(b, c, pairs)
    return counts.select(
        *PAIRED_TESTS.key,
        "pairs",
        original_accuracy=(pl.col("both") + b) / pairs,
        treated_accuracy=(pl.col("both") + c) / pairs,
        risk_difference=(b - c) / pairs,
        risk_difference_lower=risk_difference_lower,
        risk_difference_upper=risk_difference_upper,
        b=b,
        c=c,
        odds_ratio=b / _unless_zero(c),
        odds_ratio_lower=_odds(lower).fill_nan(None),
        odds_ratio_upper=_odds(upper).fill_nan(None),
        cohens_g=pl.max_horizontal(b, c) / changed - 0.5,
        mcnemar_z=(b - c).abs() / changed.sqrt(),
        p_value=mcnemar_p_values(counts.select("pairs", "b", "c")),
    ).with_columns(
        q_value=pl.col("p_value").map_batches(benjamini_hochberg, pl.Float64).over(FAMILY),
        q_value_overall=pl.col("p_value").map_batches(benjamini_hochberg, pl.Float64),
    )


def adjusted_difference(b: pl.Expr, c: pl.Expr, pairs: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The paired difference (b - c) / pairs with one added to b and to c, and its standard error, never zero.

    After Bonett and Price (2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data").
    """
    total = pairs + 2
    adjusted = (b - c) / total
    return adjusted, ((b + c + 2) / total - adjusted**2).sqrt() / total.sqrt()


def pair(observations: pl.DataFrame, treated_arms: Sequence[str], value: str = "verdict") -> pl.DataFrame:
    """The answers of each treated arm beside those of `original` to the same prompts.

    Columns: those of the observations' key, and the `value` of either arm as `original` and `treated`. Raises UserError
    if an arm has answered a question twice under one condition, for then the pairs are not one to one.
    """
    answers = observations.select(*OBSERVATIONS.key, value)
    doubled = parquet_tables.doubled(answers, OBSERVATIONS)
    if doubled.height:
        row = doubled.select(OBSERVATIONS.key).row(0, named=True)
        raise UserError(f"observations: several rows have the key {row}. Expected one. Rebuild them.")
    keys = [name for name in OBSERVATIONS.key if name != "arm"]
    original = answers.filter(arm="original").select(*keys, original=value)
    treated = answers.filter(pl.col("arm").is_in(list(treated_arms))).select("arm", *keys, treated=value)
    return treated.join(original, on=keys)


def risk_difference_bounds(b: pl.Expr, c: pl.Expr, pairs: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The 95 % interval of (b - c) / pairs, from `adjusted_difference`."""
    adjusted, error = adjusted_difference(b, c, pairs)
    return (adjusted - QUANTILE * error).clip(-1), (adjusted + QUANTILE * error).clip(upper_bound=1)


def mcnemar_p_value(b: int, c: int) -> float:
    """The exact two-sided McNemar test: how likely so uneven a split of b + c changes is if both ways are equal."""
    return float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)


def mcnemar_p_values(counts: pl.DataFrame) -> pl.Series:
    """The exact test of each row: its pairs, and how many changed one way and the other; null without a pair."""
    p_values = [mcnemar_p_value(b, c) if pairs else None for pairs, b, c in counts.iter_rows()]
    return pl.Series(p_values, dtype=pl.Float64)


def benjamini_hochberg(p_values: pl.Series) -> pl.Series:
    """Adjust the p-values of one family for the false discovery rate; nulls stay null and do not count."""
    tested = p_values.is_not_null()
    adjusted = pl.Series(p_values.name, [None] * p_values.len(), dtype=pl.Float64)
    if not tested.any():
        return adjusted
    return adjusted.scatter(tested.arg_true(), false_discovery_control(p_values.filter(tested).to_numpy(), method="bh"))


def _unless_zero(count: pl.Expr) -> pl.Expr:
    return pl.when(count != 0).then(count)


def _odds(shares: npt.NDArray[np.float64]) -> pl.Series:
    """The odds b / c of shares b / (b + c), null where they are infinite."""
    return pl.Series([share / (1 - share) if share < 1 else None for share in shares], dtype=pl.Float64)
