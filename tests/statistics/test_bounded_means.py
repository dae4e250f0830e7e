"""Tests of means of bounded clusters: the exact ones where those exist, and never more false rejections than stated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, dirichlet, multinomial

from warmline.statistics import bounded_means

LEVEL = 0.05
MARGIN = 0.05
STUDIES = 1000
# Four standard errors of a share of 0.05 over so many simulated studies.
MONTE_CARLO = 4 * (LEVEL * (1 - LEVEL) / STUDIES) ** 0.5
Integers = npt.NDArray[np.int64]


def counted(totals: Integers, sizes: Integers | int) -> tuple[Integers, Integers, Integers]:
    clusters = np.column_stack([totals, np.broadcast_to(sizes, totals.shape)])
    kinds, numbers = np.unique(clusters, axis=0, return_counts=True)
    return kinds[:, 0], kinds[:, 1], numbers


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.001, 0.999))
@example(59, 0.0, 0.05)
@example(500, 1.0, 0.95)
def test_of_values_0_and_1_it_is_the_exact_binomial_test(questions: int, share: float, mean: float) -> None:
    ones = round(share * questions)
    totals, sizes, numbers = np.array([0, 1]), np.array([1, 1]), np.array([questions - ones, ones])
    kept = numbers > 0
    p_value = bounded_means.p_value(totals[kept], sizes[kept], numbers[kept], mean)
    assert p_value == pytest.approx(binom.cdf(ones, questions, mean), abs=1e-7)


@settings(max_examples=40)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000))
@example(0, 289, 0)
def test_of_pairs_it_is_mcnemars_exact_test_and_its_bounds_are_where_it_rejects(b: int, c: int, alike: int) -> None:
    counts = counted(np.repeat([1, -1, 0], [b, c, alike + 1]), 1)
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert bounded_means.two_sided_p_value(*counts) == pytest.approx(expected, abs=1e-7)
    lower, upper = bounded_means.bounds(*counts, LEVEL)
    assert -1 <= lower <= (b - c) / (b + c + alike + 1) <= upper <= 1
    for bound, (totals, sizes, numbers), side in ((upper, counts, 1), (lower, (-counts[0], *counts[1:]), -1)):
        if abs(bound) < 1:
            # Both are good to so many decimals; near an end the one changes with the other by a hundred times as much.
            below, above = (
                bounded_means.p_value(totals, sizes, numbers, side * bound + step) for step in (-1e-7, 1e-7)
            )
            assert above - 1e-7 <= LEVEL <= below + 1e-7


def test_of_clusters_it_is_the_weighted_mean_with_one_more_of_the_worst_value() -> None:
    generator = np.random.default_rng(4)
    sizes = generator.integers(1, 9, 40)
    totals = generator.integers(-sizes // 2, sizes + 1)
    weights = dirichlet(np.ones(41)).rvs(200_000, random_state=5)
    means = (weights @ np.append(totals, sizes.max())) / (weights @ np.append(sizes, sizes.max()))
    for mean in np.quantile(means, [0.01, 0.3, 0.95]):
        expected = (means >= mean).mean()
        found = bounded_means.p_value(*counted(totals, sizes), float(mean))
        assert found == pytest.approx(expected, abs=4 * (expected * (1 - expected) / len(means)) ** 0.5)


ENDS = {
    # Nothing gets better, so that a study often sees no change at all.
    "only worse, too few to tell": (47, MARGIN, 0.0),
    "only worse, just enough to tell": (59, MARGIN, 0.0),
    "some better, too": (100, 0.07, 0.02),
    "all worse but for the margin": (80, 1 - MARGIN, 0.0),
}


def rejects(counts: tuple[int, int, int], conditions: int, mean: float) -> bool:
    """Whether so many clusters that got worse, better and neither, all answers of each alike, exclude the mean."""
    totals = np.repeat(np.array([1, -1, 0]) * conditions, counts)
    return bounded_means.p_value(*counted(totals, conditions), mean) < LEVEL


@pytest.mark.parametrize("conditions", [1, 9])
@pytest.mark.parametrize("end", ENDS)
def test_a_difference_of_the_margin_is_excluded_no_more_often_than_one_time_in_twenty(
    end: str, conditions: int
) -> None:
    """The rate itself: the sum of the probabilities of all studies that exclude it, however unlikely they are."""
    questions, worse, better = ENDS[end]
    share = multinomial(questions, [worse, better, 1 - worse - better])
    rate = 0.0
    for b, c in np.ndindex(questions + 1, questions + 1 if better else 1):
        counts = (b, c, questions - b - c)
        if counts[2] >= 0 and (probability := share.pmf(counts)) > 1e-6 and rejects(counts, conditions, worse - better):
            rate += probability
    assert rate <= LEVEL
    assert (rate > 0.02) == (end != "only worse, too few to tell")


def test_it_rejects_at_the_nominal_rate_where_answers_to_a_question_are_somewhat_alike() -> None:
    """Four conditions, of which each answer gets worse with a probability of the question's own."""
    generator = np.random.default_rng(6)
    worse, better = (
        generator.binomial(4, generator.beta(0.5, 0.5 / share - 0.5, (STUDIES, 200))) for share in (0.2, 0.15)
    )
    totals = np.clip(worse - better, -4, 4)
    mean = totals.mean() / 4
    rate = np.mean([bounded_means.p_value(*counted(study, 4), mean) < LEVEL for study in totals])
    assert 0.02 < rate <= LEVEL + MONTE_CARLO


@pytest.mark.parametrize(("value", "bounds"), [(0, (-0.95, 0.95)), (1, (-0.9, 1)), (-1, (-1, 0.9))])
def test_one_cluster_makes_next_to_nothing_certain(value: int, bounds: tuple[float, float]) -> None:
    found = bounded_means.bounds(np.array([9 * value]), np.array([9]), np.array([1]), LEVEL)
    assert found == pytest.approx(bounds)
