"""The bootstrap over questions (Efron and Tibshirani 1993, ch. 13): a regression's effect had others been drawn.

A draw takes as many questions of each task as there are, with replacement, each with all its answers, and fits the
regression again, to counted answers. Many draws are fitted at once: one by one, nearly all of the time would go into
what a library does around its numbers.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import expit

from warmline.regressions.logistic import OUTCOME, Array, Regression

Integers = npt.NDArray[np.int64]

ITERATIONS = 100
LARGEST_STEP = 3.0
"""Of the log-odds of any row in one iteration."""
CLOSE_ENOUGH = 1e-10
"""Of any probability, from one iteration to the next."""
NUMBERS_AT_ONCE = 4_000_000
"""Of the designs of all draws that are fitted together, which bounds the memory that they take."""


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
    found = []
    batches = -(-draws * design.size // NUMBERS_AT_ONCE)
    for times in np.array_split(_draws(tuple(tasks.tolist()), seed, draws), min(batches, draws), axis=1):
        answers, incorrect = ((count @ times).T for count in counts)
        fitted = _coefficients(design, incorrect, answers, regression.coefficients)
        differences = expit(fitted @ treated.T) - expit(fitted @ untreated.T)
        found.append(100 * (differences * answers).sum(axis=1) / answers.sum(axis=1))
    return np.concatenate(found)


def _coefficients(design: Array, incorrect: Integers, answers: Integers, start: Array) -> Array:
    """The k coefficients of each draw (draws x k) from its counts (draws x rows of the design), by Newton's method.

    NaN for a draw whose rows with answers are of a lower rank, and for one that none of ITERATIONS ends.
    """
    found = np.full((len(answers), len(start)), np.nan)
    whole = np.array([drawn.all() or np.linalg.matrix_rank(design[drawn]) == design.shape[1] for drawn in answers > 0])
    (open_draws,) = np.nonzero(whole)
    estimates = np.tile(start, (len(open_draws), 1))
    for _ in range(ITERATIONS):
        n = answers[open_draws]
        probability = expit(estimates @ design.T)
        weighted = (n * probability * (1 - probability))[:, :, np.newaxis] * design
        score = (incorrect[open_draws] - n * probability) @ design
        step = _solved(weighted.transpose(0, 2, 1) @ design, score)
        largest = np.abs(step @ design.T).max(axis=1, keepdims=True)
        estimates = estimates + step * np.minimum(1.0, LARGEST_STEP / np.maximum(largest, LARGEST_STEP))
        moved = np.abs(expit(estimates @ design.T) - probability).max(axis=1)
        ended = moved < CLOSE_ENOUGH
        found[open_draws[ended]] = estimates[ended]
        open_draws, estimates = open_draws[~ended], estimates[~ended]
        if not len(open_draws):
            break
    return found


def _solved(information: Array, score: Array) -> Array:
    """The step of each draw (draws x k). Where separated answers left no information, none is taken along it."""
    try:
        return np.asarray(np.linalg.solve(information, score[:, :, np.newaxis])[:, :, 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(information, hermitian=True) @ score[:, :, np.newaxis])[:, :, 0])


def _questions(regression: Regression) -> tuple[Integers, Integers]:
    """Each cell's question, counted from 0, and each question's task."""
    question = regression.cells["question"].rank("dense").cast(int).to_numpy() - 1
    tasks = np.empty(int(question.max()) + 1, dtype=np.int64)
    tasks[question] = regression.patterns["task"].to_physical().to_numpy()[regression.cells["pattern"].to_numpy()]
    return question, tasks


@functools.lru_cache(maxsize=1)
def _draws(tasks: tuple[int, ...], seed: int, draws: int) -> Integers:
    """How many times each draw takes each question: questions x draws, and within a task as many as there are.

    Kept for the next call, for the regressions of several arms are about the same questions.
    """
    generator = np.random.default_rng(seed)
    times = np.zeros((len(tasks), draws), dtype=np.int64)
    for task in np.unique(tasks):
        (asked,) = np.nonzero(np.equal(tasks, task))
        times[asked] = generator.multinomial(len(asked), np.full(len(asked), 1 / len(asked)), size=draws).T
    return times
