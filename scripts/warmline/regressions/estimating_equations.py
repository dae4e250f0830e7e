"""Generalised estimating equations: answers to one question correlate alike (Liang and Zeger 1986).

The regression of `warmline.regressions.logistic` estimates as if answers were independent and corrects its errors
afterwards. Here the correlation between the answers to one question enters the estimate itself, and the errors are
robust to its being another.

With one correlation for all pairs, single answers enter the equations through sums over a question, and so do counts.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from warmline.regressions.logistic import OUTCOME, Array, Regression

NOT_CONVERGED = "not converged"
ITERATIONS = 60
CLOSE_ENOUGH = 1e-6
"""Of the length of the score."""


def exchangeable(regression: Regression) -> Regression:
    """The same regression, fitted, with coefficients and covariances that allow for one correlation within questions.

    It needs a regression with clustered errors, for it has no robust ones where that has none. Estimates and errors are
    those of `statsmodels`, which takes single answers. If it does not converge, the state says so.
    """
    answered = _Answered.of(regression)
    coefficients, correlation = regression.coefficients, 0.0
    failed = dataclasses.replace(regression, state=NOT_CONVERGED)
    # What it would warn of is in its state.
    with np.errstate(all="ignore"):
        try:
            for iteration in range(ITERATIONS):
                scores, information = answered.equations(coefficients, correlation)
                score = scores.sum(axis=0)
                coefficients = coefficients + np.linalg.solve(information, score)
                converged = iteration > 0 and np.linalg.norm(score) < CLOSE_ENOUGH
                if converged:
                    break
                correlation = answered.correlation(coefficients)
            scores, information = answered.equations(coefficients, correlation)
            covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        except np.linalg.LinAlgError:
            return failed
        clustered = covariance @ (scores.T @ scores) @ covariance
    if not converged or not np.isfinite(clustered).all():
        return failed
    return dataclasses.replace(
        regression, coefficients=coefficients, covariance=covariance, covariance_clustered=clustered
    )


@dataclasses.dataclass(frozen=True)
class _Answered:
    """The design (patterns x k), and by question and pattern the answers and how many of them are incorrect."""

    design: Array
    answers: csr_array
    incorrect: csr_array

    @classmethod
    def of(cls, regression: Regression) -> _Answered:
        cells, design = regression.cells, regression.design()
        place = (cells["question"].rank("dense").to_numpy() - 1, cells["pattern"].to_numpy())
        shape = (cells["question"].n_unique(), len(design))
        answers, incorrect = (csr_array((cells[name].to_numpy(), place), shape) for name in ("answers", OUTCOME))
        return cls(design, answers, incorrect)

    def equations(self, coefficients: Array, correlation: float) -> tuple[Array, Array]:
        """Each question's score (questions x k), and the information (k x k).

        With one correlation r for all pairs of m answers, the inverse of their correlations takes from the values,
        divided by 1 - r, the share r / ((1 - r) (1 + (m - 1) r)) of their sum.
        """
        probability, deviation = self._moments(coefficients)
        sizes = self.answers.sum(axis=1)
        shared = correlation / (1 - correlation) / (1 + correlation * (sizes - 1))
        covariates = self.answers @ (deviation[:, np.newaxis] * self.design)
        own = self.incorrect @ self.design - self.answers @ (probability[:, np.newaxis] * self.design)
        shared_residuals = shared * self._residuals(probability, deviation)
        scores = own / (1 - correlation) - shared_residuals[:, np.newaxis] * covariates
        weights = self.answers.sum(axis=0) * deviation**2
        independent = self.design.T @ (weights[:, np.newaxis] * self.design)
        information = independent / (1 - correlation) - covariates.T @ (shared[:, np.newaxis] * covariates)
        return scores, information

    def correlation(self, coefficients: Array) -> float:
        """The mean product of two standardised residuals of one question, by moments, less k pairs and answers."""
        probability, deviation = self._moments(coefficients)
        sizes, k = self.answers.sum(axis=1), self.design.shape[1]
        answers, incorrect = self.answers.sum(axis=0), self.incorrect.sum(axis=0)
        odds = probability / (1 - probability)
        squares = (incorrect / odds + (answers - incorrect) * odds).sum()
        products = ((self._residuals(probability, deviation) ** 2).sum() - squares) / 2
        pairs = (sizes * (sizes - 1)).sum() / 2
        return float(products / (squares / (sizes.sum() - k)) / (pairs - k))

    def _moments(self, coefficients: Array) -> tuple[Array, Array]:
        """Of a single answer of each pattern: the probability that it is incorrect, and its standard deviation."""
        probability = expit(self.design @ coefficients)
        return probability, np.sqrt(probability * (1 - probability))

    def _residuals(self, probability: Array, deviation: Array) -> Array:
        """The sum of each question's residuals in units of their standard deviation."""
        return np.asarray(self.incorrect @ (1 / deviation) - self.answers @ (probability / deviation))
