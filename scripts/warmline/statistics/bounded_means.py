"""Tests of a mean over clusters whose values are bounded, which hold where next to nothing varies.

An error that is estimated from the clusters says nothing where all of them are alike, and too little where a few are
not: of fifty questions that did not change, many more may have changed. What is known beforehand, that no value is
above 1, is enough for a test (Gaffke 2005, "Three test statistics for a nonparametric one-sided hypothesis on the mean
of a nonnegative variable"; Learned-Miller and Thomas 2019, "A new confidence interval for the mean of a bounded random
variable"): one cluster is added, of the worst value, and all are weighted at random, each by an exponential variable.
The p-value is the probability that the weighted mean is as the hypothesis says. That it holds its level for every
distribution is a conjecture that its authors' simulations, and ours, bear out; of values 0 and 1 it is the exact test
of Clopper and Pearson (1934), and of pairs, against no difference, McNemar's exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtri

Integers = npt.NDArray[np.int64]

DIGITS = 7
"""Decimals to which probabilities and bounds are good."""
_STEP = 0.01
# Below, the integrand is a straight line: the third power of 1e-4 times a sum of 100 standard errors is still nothing.
_BEGIN = -10.0
_POINTS = np.exp(np.arange(_BEGIN, 20, _STEP))
_STRIDE = 50
_NEGLIGIBLE = 40.0
"""The exponent beyond which the integrand has fallen off."""


def p_value(totals: Integers, sizes: Integers, numbers: Integers, mean: float) -> float:
    """One-sided, of the hypothesis that the mean is at least `mean`.

    The values of a cluster lie between -1 and 1: `numbers` says how many clusters there are of each total and number of
    values, `sizes`, which is at least 1. The mean is that over all values.
    """
    return round(_p_value(totals, sizes, numbers, mean), DIGITS)


def two_sided_p_value(totals: Integers, sizes: Integers, numbers: Integers) -> float:
    """Of the hypothesis that the mean is 0, with the columns of `p_value`."""
    one_sided = p_value(totals, sizes, numbers, 0), p_value(-totals, sizes, numbers, 0)
    return min(1.0, 2 * min(one_sided))


def bounds(totals: Integers, sizes: Integers, numbers: Integers, level: float) -> tuple[float, float]:
    """The means that neither one-sided test rejects at the level, below 1/e, from the lowest to the highest."""
    lower, upper = -_upper_bound(-totals, sizes, numbers, level), _upper_bound(totals, sizes, numbers, level)
    return round(lower, DIGITS), round(upper, DIGITS)


def _p_value(totals: Integers, sizes: Integers, numbers: Integers, mean: float) -> float:
    # The worst that a cluster can be is one of the most values, all of them 1.
    excess = np.append(totals - mean * sizes, (1 - mean) * sizes.max())
    return _probability_of_a_positive_sum(excess, np.append(numbers, 1))


def _upper_bound(totals: Integers, sizes: Integers, numbers: Integers, level: float) -> float:
    highest = 1 - 1e-9

    def above_level(mean: float) -> float:
        """On the scale of the normal distribution, where it is close to a straight line."""
        p_value = np.clip(_p_value(totals, sizes, numbers, mean), 1e-12, 1 - 1e-12)
        return float(ndtri(p_value) - ndtri(level))

    average = float((totals * numbers).sum() / (sizes * numbers).sum())
    residuals = np.append(totals - average * sizes, (1 - average) * sizes.max())
    error = np.sqrt((residuals**2 * np.append(numbers, 1)).sum()) / (sizes * numbers).sum()
    # At the average the p-value is at least 1/e, as for every log-concave distribution (Gruenbaum 1960, "Partitions of
    # mass-distributions and of convex bodies by hyperplanes"). Seldom is the bound farther off than four errors.
    end = min(average + 4 * error, highest)
    if above_level(end) >= 0:
        if above_level(highest) >= 0:
            return 1.0
        end = highest
    return float(brentq(above_level, average, end, xtol=1e-9))


def _probability_of_a_positive_sum(values: npt.NDArray[np.float64], numbers: Integers) -> float:
    """Of the sum of values, each as many times as its number says and each time with an exponential weight of its own.

    By the sum's characteristic function (Imhof 1961, "Computing the distribution of quadratic forms in normal
    variables", formula 3.2: an exponential variable is half a chi-squared one of two degrees of freedom). The integral
    is over log t by the trapezoidal rule, which converges fast where a function falls off on both sides (Trefethen and
    Weideman 2014, "The exponentially convergent trapezoidal rule").
    """
    if (values >= 0).all() or (values <= 0).all():
        return float((values >= 0).all())
    scaled = values / np.sqrt((numbers * values**2).sum())
    fallen_off = _exponents(_POINTS[::_STRIDE], scaled, numbers) > _NEGLIGIBLE
    points = _POINTS[: _STRIDE * int(np.argmax(fallen_off))] if fallen_off.any() else _POINTS
    turns = np.arctan(np.multiply.outer(points, scaled)) @ numbers
    heights = np.sin(turns) * np.exp(-_exponents(points, scaled, numbers))
    straight = (numbers @ scaled) * np.exp(_BEGIN) / np.expm1(_STEP)
    return float(np.clip(0.5 + _STEP * (straight + heights.sum()) / np.pi, 0, 1))


def _exponents(points: npt.NDArray[np.float64], scaled: npt.NDArray[np.float64], numbers: Integers) -> Any:
    """By how much the integrand has fallen off at each point, as a power of e; it grows from point to point."""
    return 0.5 * np.log1p(np.multiply.outer(points, scaled) ** 2) @ numbers
