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

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Integers = npt.NDArray[np.int64]

DIGITS = 7
"""Decimals to which probabilities and bounds are good."""
_STEP = 0.01
_POINTS = np.exp(np.arange(-24, 20, _STEP))


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
    """The means that neither one-sided test rejects at the level, from the lowest to the highest."""
    lower, upper = -_upper_bound(-totals, sizes, numbers, level), _upper_bound(totals, sizes, numbers, level)
    return round(lower, DIGITS), round(upper, DIGITS)


def _p_value(totals: Integers, sizes: Integers, numbers: Integers, mean: float) -> float:
    # The worst that a cluster can be is one of the most values, all of them 1.
    excess = np.append(totals - mean * sizes, (1 - mean) * sizes.max())
    return _probability_of_a_positive_sum(excess, np.append(numbers, 1))


def _upper_bound(totals: Integers, sizes: Integers, numbers: Integers, level: float) -> float:
    highest = 1 - 1e-9
    if _p_value(totals, sizes, numbers, highest) >= level:
        return 1.0
    return float(brentq(lambda mean: _p_value(totals, sizes, numbers, mean) - level, -1, highest, xtol=1e-9))


def _probability_of_a_positive_sum(values: npt.NDArray[np.float64], numbers: Integers) -> float:
    """Of the sum of values, each as many times as its number says and each time with an exponential weight of its own.

    By the sum's characteristic function (Imhof 1961, "Computing the distribution of quadratic forms in normal
    variables", formula 3.2: an exponential variable is half a chi-squared one of two degrees of freedom). The integral
    is over log t by the trapezoidal rule, which converges fast where a function falls off on both sides (Trefethen and
    Weideman 2014, "The exponentially convergent trapezoidal rule").
    """
    if (values >= 0).all() or (values <= 0).all():
        return float((values >= 0).all())
    terms = np.multiply.outer(_POINTS, values / np.sqrt((numbers * values**2).sum()))
    heights = np.sin(np.arctan(terms) @ numbers) * np.exp(-0.5 * (np.log1p(terms**2) @ numbers))
    return float(np.clip(0.5 + _STEP * heights.sum() / np.pi, 0, 1))
