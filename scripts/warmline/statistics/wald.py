"""Intervals and tests of an estimate from its standard error: which distribution says how far off it may be.

An estimate from many independent answers is about normal around the truth (Wald 1943). An error that is clustered by
question is itself estimated, from as many values as there are questions, and of few ones the normal distribution makes
too much. With G questions it is therefore Student's t with G - 1 degrees of freedom (Cameron and Miller 2015, "A
practitioner's guide to cluster-robust inference", section VI.D). Of one question there is neither interval nor test.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import t

Array = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.int64] | float

INDEPENDENT = float("inf")
"""So many clusters, where no error is clustered: the t distribution is the normal one then."""


def quantile(clusters: Clusters = INDEPENDENT) -> Array:
    """Standard errors from an estimate to either bound of its 95 % interval; NaN of fewer than two clusters."""
    return np.asarray(t.ppf(0.975, np.asarray(clusters) - 1))


QUANTILE = float(quantile())


def bounds(estimate: Array, error: Array, limit: float, clusters: Clusters = INDEPENDENT) -> tuple[Array, Array]:
    """The 95 % interval of estimates that lie between -limit and limit, and so does the interval."""
    half = quantile(clusters) * error
    return np.maximum(estimate - half, -limit), np.minimum(estimate + half, limit)


def two_sided_p_value(z: Array, clusters: Clusters = INDEPENDENT) -> Array:
    """The probability of an estimate at least z standard errors from 0 if the truth is 0."""
    return np.asarray(2 * t.sf(np.abs(z), np.asarray(clusters) - 1))
