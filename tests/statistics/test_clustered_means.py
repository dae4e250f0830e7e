"""Means over questions: as a regression on a constant has them, and within what can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from warmline.statistics.clustered_means import clustered_means

BOUNDS = ("standard_error", "lower", "upper", "p_value")
VALUES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([-1, 0, 0, 1])), min_size=2, max_size=40)


def only(questions: list[int], values: list[int | None]) -> dict[str, Any]:
    rows = pl.DataFrame({"item": questions, "value": values}, schema={"item": pl.Int64, "value": pl.Int64})
    return clustered_means(rows.with_columns(all=1), "value", ["all"], ["item"], limit=1).row(0, named=True)


@settings(max_examples=60)
@given(VALUES)
def test_a_mean_is_that_of_a_clustered_regression_on_a_constant(answers: list[tuple[int, int]]) -> None:
    questions, values = map(list, zip(*answers, strict=True))
    row = only(questions, values)
    if row["standard_error"] is None:
        sums = pl.DataFrame({"q": questions, "v": values}).group_by("q").agg(pl.col("v") - row["mean"])
        assert len(set(questions)) == 1 or all(abs(sum(part)) < 1e-9 for part in sums["v"])
        return
    fitted = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(questions)}, use_t=True
    )
    lower, upper = np.clip(fitted.conf_int()[0], -1, 1)
    assert [row[name] for name in BOUNDS] == pytest.approx([fitted.bse[0], lower, upper, fitted.pvalues[0]], rel=1e-6)


def test_a_single_question_and_questions_that_agree_have_no_interval() -> None:
    for questions, values in (([1, 1, 1], [1, 0, -1]), ([1, 2, 3], [1, 1, 1]), ([1, 2], [0, None])):
        assert [only(questions, values)[name] for name in BOUNDS] == [None] * 4


@pytest.mark.parametrize("clusters", [5, 10, 30])
def test_intervals_of_few_questions_contain_the_mean_as_often_as_they_say(clusters: int) -> None:
    """Nine answers to each question, alike in their probability of a change; normal ones contain it less often."""
    studies, conditions, share = 2000, 9, 0.3
    generator = np.random.default_rng(8)
    worse = generator.beta(1, 1 / share - 1, (studies, clusters, 1))
    lost = (generator.random((studies, clusters, conditions)) < worse).astype(int).ravel()
    study, item = np.divmod(np.arange(lost.size) // conditions, clusters)
    rows = pl.DataFrame({"study": study, "item": item, "lost": lost})
    table = clustered_means(rows, "lost", ["study"], ["item"], limit=1)
    normal = norm.ppf(0.975) * pl.col("standard_error")
    by_t = table.select(((pl.col("lower") <= share) & (pl.col("upper") >= share)).mean()).item()
    by_normal = table.select(((pl.col("mean") - share).abs() <= normal).mean()).item()
    assert by_t == pytest.approx(0.95, abs=0.03)
    assert by_normal < by_t
    assert clusters == 30 or by_normal < 0.93
    assert table["lower"].min() >= -1 and table["upper"].max() <= 1
