"""Generalised estimating equations: answers to one question correlate alike (Liang and Zeger 1986).

The regression of `warmline.regressions.logistic` estimates as if answers were independent and corrects its errors
afterwards. Here the correlation between the answers to one question enters the estimate itself, and the errors are
robust to its being another.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import statsmodels.api as sm

from warmline.regressions.logistic import OUTCOME, Regression

NOT_CONVERGED = "not converged"


def exchangeable(regression: Regression) -> Regression:
    """The same regression, fitted, with coefficients and covariances that allow for one correlation within questions.

    It needs a regression with clustered errors, for it has no robust ones where that has none. It is fitted to single
    answers: a few seconds and half a gigabyte for 438,750 of them. If that does not converge, the state says so.
    """
    cells = regression.cells
    answers, incorrect = cells["answers"].to_numpy(), cells[OUTCOME].to_numpy()
    cell = np.repeat(np.arange(len(answers)), answers)
    place = np.arange(len(cell)) - (np.cumsum(answers) - answers)[cell]
    model = sm.GEE(
        (place < incorrect[cell]).astype(float),
        regression.design()[cells["pattern"].to_numpy()[cell]],
        groups=cells["question"].to_numpy()[cell],
        family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Exchangeable(),
    )
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # What it warns of is in its state.
        warnings.simplefilter("ignore")
        fitted = model.fit(start_params=regression.coefficients)
    if not fitted.converged or not np.isfinite(fitted.cov_robust).all():
        return dataclasses.replace(regression, state=NOT_CONVERGED)
    return dataclasses.replace(
        regression, coefficients=fitted.params, covariance=fitted.cov_naive, covariance_clustered=fitted.cov_robust
    )
