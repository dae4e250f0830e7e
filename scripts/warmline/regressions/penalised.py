"""Firth's logistic regression, which has finite estimates where the answers are separated.

There the likelihood has no maximum: it grows as long as some coefficient does. Firth (1993, "Bias reduction of maximum
likelihood estimates") multiplies it by the square root of the determinant of the information, Jeffreys' prior, which
takes off the bias of the estimates too and always has a maximum; Heinze and Schemper (2002, "A solution to the problem
of separation in logistic regression") recommend it for this. Probabilities near 0 and 1 come out drawn towards a half.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Array = npt.NDArray[np.float64]

ITERATIONS = 500
LARGEST_STEP, CLOSE_ENOUGH = 3.0, 1e-10
"""Of the log-odds of any row in one iteration."""


def coefficients(design: Array, incorrect: Array, answers: Array) -> Array | None:
    """The k coefficients for counts of incorrect among all answers, by rows of the design, whose rank is k.

    The penalised score is that of the likelihood with so many more answers in each row as its leverage says, half of
    them incorrect; each iteration takes the step of least squares that such counts would. None if none of ITERATIONS
    ends it.
    """
    found = np.zeros(design.shape[1])
    for _ in range(ITERATIONS):
        probability = expit(design @ found)
        variance = probability * (1 - probability)
        covariance = np.linalg.inv(design.T @ ((answers * variance)[:, np.newaxis] * design))
        leverage = answers * variance * np.einsum("ij,jk,ik->i", design, covariance, design)
        score = design.T @ (incorrect + leverage / 2 - (answers + leverage) * probability)
        step = np.linalg.solve(design.T @ (((answers + leverage) * variance)[:, np.newaxis] * design), score)
        largest = np.abs(design @ step).max()
        found += step * min(1.0, LARGEST_STEP / max(largest, LARGEST_STEP))
        if largest < CLOSE_ENOUGH:
            return found
    return None
