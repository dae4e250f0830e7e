"""Average marginal effects of treatment, in percentage points of error (article, Methods).

The effect in a subset of the rows is the mean, over these rows, of the predicted probability of an incorrect answer
with treatment minus that without. Its standard error follows from the coefficients' covariance V by the delta method,
sqrt(g' V g) with g the gradient of the effect in the coefficients (Greene, "Econometric Analysis", chapter on binary
choice), and its p-value tests the effect itself, not a coefficient beside it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit

from warmline.regressions import FITTED, Array, Regression, rounded, standard_errors
from warmline.wald import QUANTILE, two_sided_p_value

FACTORS = ("context_group", "context", "belief")
BELIEFS = {0: "none", 1: "stated"}
LENGTH = "response_length"
LONGER = "100 characters more"
SCHEMA = {
    "state": pl.String,
    "subset": pl.String,
    "contrast": pl.String,
    "rows": pl.Int64,
    "clusters": pl.Int64,
    "effect": pl.Float64,
    "standard_error": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_value": pl.Float64,
    "standard_error_clustered": pl.Float64,
    "lower_clustered": pl.Float64,
    "upper_clustered": pl.Float64,
    "p_value_clustered": pl.Float64,
}


def marginal_effects(regression: Regression, by: str | None = None) -> pl.DataFrame:
    """The effect of treatment over all rows, in each level of a factor, and in each level less that in the first.

    `by` is `context_group`, `context`, `belief` or None. The table's rows are in the order named, its columns:

    - `state`: of the regression; all numbers but counts are null unless it is `fitted`
    - `subset`: `all`, or the level of the factor; for `belief` these are `none` and `stated`. If the formula names the
      length of the response, the second row is `100 characters more`: not treatment's effect, but the mean over all
      rows of the prediction 50 characters above the length less that 50 below (article, Supplementary Table 12)
    - `contrast`: null for an effect; for the difference of two effects, the level whose effect is subtracted
    - `rows`, `clusters`: rows, and different questions, that the number rests on
    - `effect`: percentage points; positive where treatment adds errors
    - `standard_error`, `lower`, `upper`, `p_value`: 95% interval and Wald test, by the model's covariance
    - `standard_error_clustered`, `lower_clustered`, `upper_clustered`, `p_value_clustered`: clustered by question
    """
    estimates = _estimates_by_pattern(regression)
    everything = np.full(regression.patterns.height, True)
    table = [_row(regression, "all", None, everything, _mean(regression, estimates, everything))]
    if LENGTH in regression.patterns.columns:
        table.append(
            _row(regression, LONGER, None, everything, _mean(regression, _effect_of_length(regression), everything))
        )
    if by is not None:
        factor = _labels(regression.patterns[by])
        levels = factor.unique().sort().cast(pl.String).to_list()
        subsets = {level: (factor == level).to_numpy() for level in levels}
        means = {level: _mean(regression, estimates, subset) for level, subset in subsets.items()}
        table += [_row(regression, level, None, subsets[level], means[level]) for level in levels]
        for level in levels[1:]:
            first = levels[0]
            both = subsets[level] | subsets[first]
            table.append(_row(regression, level, first, both, means[level] - means[first]))
    return rounded(pl.DataFrame(table, schema=SCHEMA, orient="row"))


def _labels(factor: pl.Series) -> pl.Series:
    """The factor as an ordered one with names, first level first."""
    if isinstance(factor.dtype, pl.Enum):
        return factor
    return factor.replace_strict(BELIEFS, return_dtype=pl.Enum(list(BELIEFS.values())))


def _estimates_by_pattern(regression: Regression) -> Array:
    """For each pattern its difference of predicted probabilities and that difference's k derivatives: x (1 + k)."""
    if regression.state != FITTED:
        return np.full((regression.patterns.height, 1), np.nan)
    treated, untreated = (_probability_and_derivatives(regression, treatment) for treatment in (1, 0))
    return treated - untreated


def _effect_of_length(regression: Regression) -> Array:
    """As `_estimates_by_pattern`, of 100 characters more; NaN where all responses are of one length."""
    if regression.state != FITTED:
        return np.full((regression.patterns.height, 1), np.nan)
    if regression.patterns[LENGTH].n_unique() == 1:
        return np.full((regression.patterns.height, 1 + len(regression.coefficients)), np.nan)
    longer, shorter = (
        dataclasses.replace(regression, patterns=regression.patterns.with_columns(pl.col(LENGTH) + characters))
        for characters in (50, -50)
    )
    return _probability_and_derivatives(longer) - _probability_and_derivatives(shorter)


def _probability_and_derivatives(regression: Regression, treated: int | None = None) -> Array:
    design = regression.design(treated)
    probability = expit(design @ regression.coefficients)
    return np.column_stack([probability, (probability * (1 - probability))[:, np.newaxis] * design])


def _mean(regression: Regression, estimates: Array, subset: npt.NDArray[np.bool_]) -> Array:
    """The mean over the answers of a subset of the patterns."""
    if not subset.any():
        return np.full(1, np.nan)
    return np.average(estimates[subset], axis=0, weights=regression.patterns["answers"].to_numpy()[subset])


def _row(
    regression: Regression,
    name: str,
    contrast: str | None,
    subset: npt.NDArray[np.bool_],
    estimate: Array,
) -> tuple[str | int | float | None, ...]:
    answers = int(regression.patterns["answers"].filter(pl.Series(subset)).sum())
    clusters = regression.cells.filter(pl.Series(subset[regression.cells["pattern"].to_numpy()]))["question"].n_unique()
    effect, gradient = 100 * float(estimate[0]), 100 * estimate[1:]
    tests = _wald_tests(regression, effect, gradient) if regression.state == FITTED else [None] * 8
    return (regression.state, name, contrast, answers, clusters, effect, *tests)


def _wald_tests(regression: Regression, effect: float, gradient: Array) -> list[float]:
    """The standard error, the bounds of the 95% interval and the p-value: from the model, and clustered."""
    tests: list[float] = []
    for standard_error in standard_errors(regression, gradient[np.newaxis]):
        half_width = QUANTILE * standard_error
        p_value = two_sided_p_value(effect / standard_error)
        tests += [float(value[0]) for value in (standard_error, effect - half_width, effect + half_width, p_value)]
    return tests
