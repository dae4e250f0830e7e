"""Power: the smallest difference in error between an arm and its original that a study would detect.

The two arms answer the same prompts, so a difference shows in the answers that change: b from right to wrong and c from
wrong to right, the difference being (b - c) / n. How many change, (b + c) / n, has to be assumed before a study is run;
the article's published tables say how many did there. How alike the changes of one question under several conditions
are they do not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.stats import binom, nct
from tabulate import tabulate

from warmline.design.suites import PLAIN_CONDITION
from warmline.statistics.wald import quantile

LEVEL = 0.05
POWER = 0.8
CORRELATIONS = (0.0, 0.5, 1.0)
"""Of a question's changes under any two conditions: none, as between any two questions; some; all of them alike."""


def changed_share(counts: pl.DataFrame) -> float:
    """The median share of changed answers, (b + c) / pairs, over cells as `reconstruction.reconstruct` gives them."""
    share = counts.select((pl.col("b") + pl.col("c")) / pl.col("pairs")).to_series().median()
    assert isinstance(share, float)
    return share


def power_in_pairs(pairs: int, changed: float, difference: float) -> float:
    """The power of the exact two-sided McNemar test at LEVEL, over independent pairs of which a share changes.

    The number of changes is binomial, and given it the number of those for the worse (Duffy, Biometrics 40, 1984,
    "Asymptotic and exact power for the McNemar test and its analogue with R controls per case"). The difference is at
    most the share that changes.
    """
    changes = np.arange(pairs + 1)
    worse = (1 + difference / changed) / 2
    # The most changes of one kind at which so uneven a split still has a p-value below LEVEL; -1 where none has.
    few = binom.ppf(LEVEL / 2, changes, 0.5) - 1
    rejected = binom.cdf(few, changes, worse) + binom.sf(changes - few - 1, changes, worse)
    return float(np.sum(binom.pmf(changes, pairs, changed) * rejected))


def smallest_in_pairs(pairs: int, changed: float) -> float | None:
    """The smallest difference that the exact McNemar test over this number of pairs detects with the power POWER.

    None where it misses even the largest: all changes for the worse.
    """
    if power_in_pairs(pairs, changed, changed) < POWER:
        return None
    return float(brentq(lambda difference: power_in_pairs(pairs, changed, difference) - POWER, 0, changed))


def smallest_in_clusters(sizes: Sequence[tuple[int, int]], changed: float, correlation: float) -> float | None:
    """The smallest difference that the test clustered by question (`wald`) detects with the power POWER.

    `sizes` holds numbers of questions, and of the conditions under which each of these is asked. An answer's change,
    1, 0 or -1, has the variance changed - difference^2 (Connor, Biometrics 43, 1987). Changes of one question
    correlate, which multiplies the variance of their mean by 1 + (conditions - 1) x correlation, averaged over answers
    (Kish, Survey Sampling, 1965, section 5.4). The test statistic has the noncentral t distribution. None where even
    all changes for the worse would be missed, and of fewer than two questions.
    """
    answers = sum(questions * conditions for questions, conditions in sizes)
    asked = sum(questions for questions, _ in sizes)
    if asked < 2:
        return None
    alike = sum(questions * conditions * (1 + (conditions - 1) * correlation) for questions, conditions in sizes)
    significant = float(quantile(asked))
    # The difference at which it is so many standard errors of itself.
    detected = brentq(lambda errors: nct.sf(significant, asked - 1, errors) - POWER, 0, 2 * significant + 2)
    errors = detected**2 * alike / answers**2
    difference = float(np.sqrt(errors * changed / (1 + errors)))
    return difference if difference <= changed else None


def smallest_differences(
    questions: Mapping[str, int], conditions: Mapping[str, Sequence[str]], changed: float
) -> pl.DataFrame:
    """The smallest differences that a model's answers detect, from each task's number of questions and its conditions.

    Columns: `answers_to`, `questions`, `answers` (of either arm), and `difference`, a share, null where none is large
    enough to be detected. Without correction for the number of tests.
    """
    plain = sum(number for task, number in questions.items() if PLAIN_CONDITION in conditions[task])
    sizes = [(number, len(conditions[task])) for task, number in questions.items()]
    rows = [
        *(
            (f"{task}, one condition", number, number, smallest_in_pairs(number, changed))
            for task, number in questions.items()
        ),
        ("plain questions of all tasks", plain, plain, smallest_in_pairs(plain, changed)),
    ]
    asked, answers = sum(questions.values()), sum(number * cells for number, cells in sizes)
    for correlation in CORRELATIONS:
        difference = smallest_in_clusters(sizes, changed, correlation)
        rows.append((f"all conditions, changes correlate by {correlation:g}", asked, answers, difference))
    schema = {"answers_to": pl.String, "questions": pl.Int64, "answers": pl.Int64, "difference": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def text(differences: pl.DataFrame) -> str:
    """The table aligned for a terminal, differences in percentage points; ? where none would be detected."""
    headings = ["answers to", "questions", "answers", "percentage points"]
    rows = [
        [name, f"{questions:,}", f"{answers:,}", "?" if difference is None else f"{100 * difference:.1f}"]
        for name, questions, answers, difference in differences.iter_rows()
    ]
    return str(tabulate(rows, headings, "simple", disable_numparse=True, colalign=["left", *["right"] * 3]))
