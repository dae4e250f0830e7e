"""The bootstrap over questions (Efron and Tibshirani 1993, ch. 13): a regression's effect had others been drawn.

A draw takes as many questions of each task as there are, with replacement, each with all its answers, and fits the
regression again. What takes the time is one fit for each draw, of counted answers, however many these are.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import statsmodels.api as sm
from scipy.sparse import csr_array
from scipy.special import expit
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from warmline.regressions.logistic import OUTCOME, Array, Regression

Integers = npt.NDArray[np.int64]


def interval(effects: Array) -> tuple[float, float]:
    """The 95 % percentile interval of the effects of all draws."""
    lower, upper = np.quantile(effects, [0.025, 0.975])
    return float(lower), float(upper)


def effects(regression: Regression, seed: int, draws: int) -> Array:
    """The average marginal effect over all rows, in percentage points, in each draw.

    `regression` is fitted. NaN for a draw that cannot be: a term of its design is a combination of others. Where a
    draw's answers are separated, the effect is the limit that the estimates approach.
    """
    design, treated, untreated = regression.design(), regression.design(1), regression.design(0)
    question, tasks = _questions(regression)
    counts = [
        csr_array(
            (regression.cells[name].to_numpy(), (regression.cells["pattern"].to_numpy(), question)),
            shape=(len(design), len(tasks)),
        )
        for name in ("answers", OUTCOME)
    ]
    found = np.full(draws, np.nan)
    for draw, times in enumerate(_draws(tasks, np.random.default_rng(seed), draws)):
        n, wrong = (count @ times for count in counts)
        drawn = n > 0
        if not drawn.all() and np.linalg.matrix_rank(design[drawn]) < design.shape[1]:
            continue
        model = sm.GLM(np.column_stack([wrong, n - wrong])[drawn], design[drawn], family=sm.families.Binomial())
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", PerfectSeparationWarning)
            # The rank is known to be full, and this is the faster solver then.
            fitted = model.fit(start_params=regression.coefficients, tol=1e-10, wls_method="qr")
        if fitted.converged:
            differences = expit(treated @ fitted.params) - expit(untreated @ fitted.params)
            found[draw] = 100 * np.average(differences, weights=n)
    return found


def _questions(regression: Regression) -> tuple[Integers, Integers]:
    """Each cell's question, counted from 0, and each question's task."""
    question = regression.cells["question"].rank("dense").cast(int).to_numpy() - 1
    tasks = np.empty(int(question.max()) + 1, dtype=np.int64)
    tasks[question] = regression.patterns["task"].to_physical().to_numpy()[regression.cells["pattern"].to_numpy()]
    return question, tasks


def _draws(tasks: Integers, generator: np.random.Generator, draws: int) -> Integers:
    """How many times each draw takes each question: draws x questions, and within a task as many as there are."""
    times = np.zeros((draws, len(tasks)), dtype=np.int64)
    for task in np.unique(tasks):
        (asked,) = np.nonzero(tasks == task)
        times[:, asked] = generator.multinomial(len(asked), np.full(len(asked), 1 / len(asked)), size=draws)
    return times
