"""Intervals and tests of an estimate that is about normal around the truth, from its standard error (Wald 1943)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Array = npt.NDArray[np.float64]

QUANTILE = float(norm.ppf(0.975))
"""Standard errors from an estimate to either bound of its 95 % interval."""


def two_sided_p_value(z: Array) -> Array:
    """The probability of a standard normal value at least as far from 0 as z."""
    return np.asarray(2 * norm.sf(np.abs(z)))
