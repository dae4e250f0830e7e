"""How often tests find what is not there, in simulated studies.

First, arms that err alike: questions under nine contexts, whose answers change as often for the better as for the
worse, those of one question mostly together. How often the comparison of refusal treatments finds a difference at the
5 % level, clustered by question, and by McNemar's exact test of the same pairs, which takes them for independent.

Then, arms that differ by the margin, 5 points: how often they are called equivalent. At the end where nothing gets
better, a study of few questions often sees no change at all. Beside the test of bounded means: the 90 % interval by the
t distribution, clustered by question, and, of one answer to each question, that of Bonett and Price.

    python benchmarks/false_rejections.py
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm, t

from warmline.statistics import bounded_means
from warmline.statistics.clustered_means import clustered_means
from warmline.statistics.paired_tests import mcnemar_p_value

LEVEL = 0.05
QUESTIONS = (10, 30, 200)
CONTEXTS = 9
CHANGED, TOGETHER = 0.3, 0.6
"""Shares of the answers that change, and of those that are their question's own draw."""
MARGIN = 0.05
ENDS = {
    "only worse": (1, MARGIN, 0.0),
    "only worse, nine answers to a question": (CONTEXTS, MARGIN, 0.0),
    "also better": (1, 0.15, 0.10),
    "also better, nine answers to a question": (CONTEXTS, 0.15, 0.10),
}
"""Contexts, and the shares of answers that get worse, and better."""

Integers = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=5000)
    studies = parser.parse_args().studies
    generator = np.random.default_rng(18)
    for questions in QUESTIONS:
        half = CHANGED / 2
        rejected = differences(changes(generator, (studies, questions, CONTEXTS), half, half))
        print(f"no difference, {questions} questions: {said(rejected)}")
    for end, (contexts, worse, better) in ENDS.items():
        for questions in (40, 50, 59, 100, 500):
            lost = changes(generator, (studies, questions, contexts), worse, better)
            print(f"a difference of the margin, {end}, {questions} questions: {said(equivalences(lost))}")


def changes(generator: np.random.Generator, shape: tuple[int, int, int], worse: float, better: float) -> Integers:
    """1 for an answer that turns wrong, -1 for one that turns right, 0 for one that does not change.

    Studies x questions x contexts. An answer is with the probability TOGETHER its question's own draw.
    """
    turns, shares = np.array([1, -1, 0]), [worse, better, 1 - worse - better]
    own = generator.choice(turns, size=(*shape[:2], 1), p=shares)
    return np.where(generator.random(shape) < TOGETHER, own, generator.choice(turns, size=shape, p=shares))


def differences(lost: Integers) -> dict[str, float]:
    """The share of studies (studies x questions x contexts) in which each test finds a difference."""
    study, item, _ = (index.ravel() for index in np.indices(lost.shape))
    rows = pl.DataFrame({"study": study, "item": item, "lost": lost.ravel()})
    clustered = clustered_means(rows, "lost", ["study"], ["item"], limit=1)["p_value"].fill_null(1.0)
    pooled = [
        mcnemar_p_value(int(b), int(c)) for b, c in zip(*((lost == turn).sum((1, 2)) for turn in (1, -1)), strict=True)
    ]
    return {"clustered": float((clustered < LEVEL).mean()), "McNemar": float(np.mean(np.array(pooled) < LEVEL))}


def equivalences(lost: Integers) -> dict[str, float]:
    """The share of studies that each method calls equivalent.

    It is the share of those that exclude a difference of the margin; none of them excludes one of minus the margin.
    """
    _, questions, contexts = lost.shape
    totals = lost.sum(2)
    bounded = [bounded_p_value(study, contexts) < LEVEL for study in totals]
    mean = totals.mean(1) / contexts
    error = totals.std(1, ddof=1) / contexts / np.sqrt(questions)
    found = {
        "bounded means": float(np.mean(bounded)),
        "t": float(((error > 0) & (mean + t(questions - 1).ppf(1 - LEVEL) * error < MARGIN)).mean()),
    }
    if contexts == 1:
        changed, pairs = np.abs(totals).sum(1), questions + 2
        adjusted = totals.sum(1) / pairs
        error = np.sqrt(((changed + 2) / pairs - adjusted**2) / pairs)
        found["Bonett and Price"] = float((adjusted + norm.ppf(1 - LEVEL) * error < MARGIN).mean())
    return found


def bounded_p_value(totals: Integers, contexts: int) -> float:
    """Of the hypothesis that a study differs by the margin or more."""
    kinds, numbers = np.unique(totals, return_counts=True)
    return bounded_means.p_value(kinds, np.full_like(kinds, contexts), numbers, MARGIN)


def said(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


if __name__ == "__main__":
    main()
