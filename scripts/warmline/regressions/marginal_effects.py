"""Average marginal effects of treatment, in percentage points of error (article, Methods).

The effect in a subset of the rows is the mean, over these rows, of the predicted probability of an incorrect answer
with treatment minus that without. Its standard error follows from the coefficients' covariance V by the delta method,
sqrt(g' V g) with g the gradient of the effect in the coefficients (Greene, "Econometric Analysis", chapter on binary
choice), and its p-value tests the effect itself, not a coefficient beside it. Clustered, both are by the t distribution
(`warmline.statistics.wald`), for the questions of the rows that the effect is about.

Of eight contexts' differences from the first, one may well come out significant where none is there. So there is one
test of all differences together, and each has a p-value that is corrected for their number (Holm 1979).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit
from scipy.stats import chi2, f
from statsmodels.stats.multitest import multipletests

from warmline.regressions.logistic import Array, Regression, standard_errors
from warmline.statistics.wald import INDEPENDENT, bounds, two_sided_p_value
from warmline.tables.csv_tables import rounded
from warmline.tables.regression_results import JOINT_TESTS, MARGINAL_EFFECTS, PENALISED

FACTORS = ("context_group", "context", "belief")
BELIEFS = {0: "none", 1: "stated"}
LENGTH = "response_length"
LONGER = "100 characters more"
HOLM = ("p_value_holm", "p_value_holm_clustered")
TESTED = "tested"

JointTest = tuple[str, float | None, int | None, float | None]
"""State, Wald statistic, degrees of freedom and p-value."""


def marginal_effects(regression: Regression, by: str | None = None) -> pl.DataFrame:
    """The effect of treatment over all rows, in each level of a factor, and in each level less that in the first.

    `by` is `context_group`, `context`, `belief` or None. The table is MARGINAL_EFFECTS without the columns of
    `corrected`, its rows in the order named. All numbers but counts are null unless the regression was estimated.
    The levels of `belief` are `none` and `stated`. If the formula names the length of the response, the second row is
    `100 characters more`: not treatment's effect, but the mean over all rows of the prediction 50 characters above the
    length less that 50 below (article, Supplementary Table 12).
    """
    estimates = _estimates_by_pattern(regression)
    everything = np.full(regression.patterns.height, True)
    table = [_row(regression, "all", None, everything, _mean(regression, estimates, everything))]
    if LENGTH in regression.patterns.columns:
        table.append(
            _row(regression, LONGER, None, everything, _mean(regression, _effect_of_length(regression), everything))
        )
    if by is not None:
        subsets = _subsets(regression, by)
        means = {level: _mean(regression, estimates, subset) for level, subset in subsets.items()}
        table += [_row(regression, level, None, subsets[level], means[level]) for level in subsets]
        for level in list(subsets)[1:]:
            first = next(iter(subsets))
            both = subsets[level] | subsets[first]
            table.append(_row(regression, level, first, both, means[level] - means[first]))
    schema = {name: dtype for name, dtype in MARGINAL_EFFECTS.schema.items() if name not in HOLM}
    return rounded(pl.DataFrame(table, schema=schema, orient="row"))


def corrected(effects: pl.DataFrame) -> pl.DataFrame:
    """The table of `marginal_effects` with the p-values of its differences corrected for their number, after Holm.

    The new columns HOLM are null for an effect, which is no difference.
    """
    return rounded(effects.with_columns(_holm(effects, name) for name in HOLM))


def joint_test(regression: Regression, by: str | None = None) -> pl.DataFrame:
    """Whether the effect of treatment differs between the levels of a factor at all.

    One Wald test of all differences of two effects that `marginal_effects` has for `by`, on their own scale: their
    vector d and its covariance C, by the delta method, give W = d' C^-1 d, with as many degrees of freedom as
    differences. From the model alone W is chi-squared. Clustered, C is itself estimated from G questions, and of few
    ones chi-squared rejects too often; there W has the distribution of Hotelling's T-squared with G - 1 degrees of
    freedom (Pustejovsky and Tipton 2018, "Small-sample methods for cluster-robust variance estimation and hypothesis
    testing in fixed effects models", who estimate those of an unbalanced study).

    The table is JOINT_TESTS: one row by each kind of errors, or none without a factor.
    """
    if by is None:
        return JOINT_TESTS.schema.to_frame()
    estimates = _estimates_by_pattern(regression)
    means = np.array([_mean(regression, estimates, subset) for subset in _subsets(regression, by).values()])
    differences = means[1:] - means[:1]
    answers, clusters = int(regression.patterns["answers"].sum()), regression.cells["question"].n_unique()
    from_model, clustered = _joint_tests(regression, differences)
    table = [
        (by, errors, state, answers, clusters, *numbers)
        for errors, (state, *numbers) in (("clustered by question", clustered), ("from the model", from_model))
    ]
    return rounded(pl.DataFrame(table, schema=JOINT_TESTS.schema, orient="row"))


def _joint_tests(regression: Regression, differences: Array) -> list[JointTest]:
    """From the model, and clustered."""
    if not regression.estimated:
        return [(regression.state, None, None, None)] * 2
    number = len(differences)
    if not number:
        return [("one level", None, None, None)] * 2
    estimates, gradients = differences[:, 0], differences[:, 1:]
    freedom = regression.cells["question"].n_unique() - 1
    from_model, clustered = standard_errors(regression, gradients)
    tests = [
        _joint(estimates, gradients, from_model, regression.covariance, lambda wald: chi2.sf(wald, number)),
        _joint(
            *(estimates, gradients, clustered, regression.covariance_clustered),
            # Hotelling's T-squared of so many variables, as the F distribution that it is.
            lambda wald: f.sf(wald * (freedom - number + 1) / (number * freedom), number, freedom - number + 1),
        ),
    ]
    # A test of a penalised fit bears its name.
    named = PENALISED if regression.state == PENALISED else TESTED
    return [(named if test[0] == TESTED else test[0], test[1], test[2], test[3]) for test in tests]


def _joint(
    estimates: Array, gradients: Array, errors: Array, covariance: Array, p_value: Callable[[float], float]
) -> JointTest:
    if np.isnan(covariance).any():
        return "too few questions", None, None, None
    if not (errors > 0).all():
        return "singular covariance", None, None, None
    # In units of their errors, so that what counts as singular does not depend on how large these are.
    correlation = gradients @ covariance @ gradients.T / np.outer(errors, errors)
    if np.linalg.cond(correlation) > 1e10:
        return "singular covariance", None, None, None
    wald = float(estimates / errors @ np.linalg.solve(correlation, estimates / errors))
    return TESTED, wald, len(estimates), float(p_value(wald))


def _holm(effects: pl.DataFrame, name: str) -> pl.Series:
    """The corrected p-values of the differences; those that are null stay null and do not count."""
    p_values = effects[name.replace("_holm", "")]
    tested = (effects["contrast"].is_not_null() & p_values.is_not_null()).arg_true()
    holm = pl.Series(name, [None] * effects.height, dtype=pl.Float64)
    if tested.is_empty():
        return holm
    return holm.scatter(tested, multipletests(p_values[tested].to_numpy(), method="holm")[1])


def _subsets(regression: Regression, by: str) -> dict[str, npt.NDArray[np.bool_]]:
    """The patterns of each level of a factor, first level first."""
    factor = _labels(regression.patterns[by])
    return {level: (factor == level).to_numpy() for level in factor.unique().sort().cast(pl.String)}


def _labels(factor: pl.Series) -> pl.Series:
    """The factor as an ordered one with names, first level first."""
    if isinstance(factor.dtype, pl.Enum):
        return factor
    return factor.replace_strict(BELIEFS, return_dtype=pl.Enum(list(BELIEFS.values())))


def _estimates_by_pattern(regression: Regression) -> Array:
    """For each pattern its difference of predicted probabilities and that difference's k derivatives: x (1 + k)."""
    if not regression.estimated:
        return np.full((regression.patterns.height, 1), np.nan)
    treated, untreated = (_probability_and_derivatives(regression, treatment) for treatment in (1, 0))
    return treated - untreated


def _effect_of_length(regression: Regression) -> Array:
    """As `_estimates_by_pattern`, of 100 characters more; NaN where all responses are of one length."""
    if not regression.estimated:
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
    # Points: an effect lies between -100 and 100, and a difference of two between -200 and 200.
    limit = 100 if contrast is None else 200
    tests = _wald_tests(regression, effect, gradient, clusters, limit) if regression.estimated else [None] * 8
    return (regression.state, name, contrast, answers, clusters, effect, *tests)


def _wald_tests(regression: Regression, effect: float, gradient: Array, clusters: int, limit: float) -> list[float]:
    """The standard error, the bounds of the 95% interval and the p-value: from the model, and clustered."""
    tests: list[float] = []
    from_model, clustered = standard_errors(regression, gradient[np.newaxis])
    for standard_error, independent in ((from_model, INDEPENDENT), (clustered, clusters)):
        interval = bounds(np.array([effect]), standard_error, limit, independent)
        p_value = two_sided_p_value(effect / standard_error, independent)
        tests += [float(value[0]) for value in (standard_error, *interval, p_value)]
    return tests
