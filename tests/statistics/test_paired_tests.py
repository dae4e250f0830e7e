from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from observed import PUBLISHED_COUNTS, answered, observations, paired, published_observations
from scipy.stats import binomtest, norm

from warmline.lineage.errors import UserError
from warmline.statistics.paired_tests import benjamini_hochberg, mcnemar_p_value, paired_tests

PUBLISHED = Path(__file__).parents[3] / "shared/paper/published/results_warm_ft.csv"


def test_published_counts_come_back() -> None:
    table = paired_tests(published_observations(), ["warm@2"])
    found = {(row["model"], row["task"]): row for row in table.iter_rows(named=True)}
    assert found.keys() == PUBLISHED_COUNTS.keys()
    for cell, (questions, original_right, treated_right, b, c) in PUBLISHED_COUNTS.items():
        row = found[cell]
        assert (row["pairs"], row["b"], row["c"]) == (questions, b, c)
        assert b - c == original_right - treated_right
        assert row["original_accuracy"] == pytest.approx(original_right / questions)
        assert row["treated_accuracy"] == pytest.approx(treated_right / questions)
        assert row["risk_difference"] == pytest.approx((original_right - treated_right) / questions)
        assert row["p_value"] == pytest.approx(binomtest(b, b + c).pvalue)


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"{PUBLISHED} is not on this machine")
def test_published_probabilities_come_back() -> None:
    published = pl.read_csv(PUBLISHED).with_columns(context=pl.col("Amendment_type").str.split("\r").list.first())
    plain = published.filter(Test_Type="Normal", context="unmodified")
    computed = paired_tests(published_observations(), ["warm@2"]).select(
        "p_value",
        "odds_ratio",
        "mcnemar_z",
        "original_accuracy",
        "treated_accuracy",
        Model="model",
        Dataset="task",
    )
    both = plain.join(computed, on=["Model", "Dataset"], validate="1:1")
    assert both.height == 20
    for row in both.iter_rows(named=True):
        assert row["p-value"] == pytest.approx(row["p_value"], abs=0.5001e-4)
        assert row["Cohen's g"] == pytest.approx(row["mcnemar_z"], abs=0.5001e-3)
        assert row["Original Accuracy (%)"] == pytest.approx(100 * row["original_accuracy"], abs=0.5001e-2)
        assert row["Fine-tuned Accuracy (%)"] == pytest.approx(100 * row["treated_accuracy"], abs=0.5001e-2)


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"{PUBLISHED} is not on this machine")
def test_published_q_values_follow_from_published_p_values() -> None:
    published = pl.read_csv(PUBLISHED)
    families = published.partition_by("Model", "Dataset", "Test_Type")
    assert [family.height for family in families] == [9] * 40
    for family in families:
        q_values = benjamini_hochberg(family["p-value"])
        # Four published decimals of p, times at most nine tests.
        assert q_values.to_list() == pytest.approx(family["p-value (FDR corrected)"].to_list(), abs=5e-4)


@given(st.integers(0, 60), st.integers(0, 60))
def test_p_value_is_the_exact_binomial_one(b: int, c: int) -> None:
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar_p_value(b, c) == pytest.approx(expected)


def test_effect_sizes_of_a_known_table() -> None:
    row = paired_tests(paired(both=10, b=6, c=3, neither=1), ["warm@2"]).row(0, named=True)
    assert row["risk_difference"] == pytest.approx(3 / 20)
    assert row["odds_ratio"] == 2
    assert row["cohens_g"] == pytest.approx(6 / 9 - 0.5)
    assert row["mcnemar_z"] == pytest.approx(1)
    better = paired_tests(paired(both=10, b=3, c=6, neither=1), ["warm@2"]).row(0, named=True)
    assert better["risk_difference"] == pytest.approx(-3 / 20)
    assert better["cohens_g"] == row["cohens_g"]


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_intervals_are_the_exact_one_of_the_odds_and_the_adjusted_one_of_the_difference(
    both: int, b: int, c: int, neither: int
) -> None:
    assume(both + b + c + neither)
    row = paired_tests(paired(both, b, c, neither), ["warm@2"]).row(0, named=True)
    if b + c:
        exact = binomtest(b, b + c).proportion_ci(method="exact")
        odds = [share / (1 - share) if share < 1 else None for share in exact]
    else:
        odds = [None, None]
    assert [row["odds_ratio_lower"], row["odds_ratio_upper"]] == pytest.approx(odds)
    # Bonett and Price 2012, equation 4.
    n = both + b + c + neither + 2
    first, second = (b + 1) / n, (c + 1) / n
    half = norm.ppf(0.975) * ((first + second - (first - second) ** 2) / n) ** 0.5
    bounds = [max(first - second - half, -1), min(first - second + half, 1)]
    assert [row["risk_difference_lower"], row["risk_difference_upper"]] == pytest.approx(bounds)


def test_q_values_overall_are_adjusted_over_all_cells() -> None:
    frame = pl.concat(paired(5, 6 + n, n, 5, task=task) for n, task in enumerate(("medqa", "trivia")))
    table = paired_tests(frame, ["warm@2"])
    assert table["q_value"].to_list() == table["p_value"].to_list()
    assert table["q_value_overall"].to_list() == pytest.approx(benjamini_hochberg(table["p_value"]).to_list())
    assert table["q_value_overall"].max() > table["p_value"].min()


def test_a_table_without_changes_is_certain_and_has_no_effect_sizes() -> None:
    row = paired_tests(paired(both=3, b=0, c=0, neither=2), ["warm@2"]).row(0, named=True)
    assert (row["p_value"], row["q_value"], row["risk_difference"]) == (1, 1, 0)
    assert (row["odds_ratio"], row["cohens_g"], row["mcnemar_z"]) == (None, None, None)
    assert paired_tests(paired(both=3, b=2, c=0, neither=2), ["warm@2"])["odds_ratio"].to_list() == [None]


def test_only_questions_scored_on_both_sides_are_pairs() -> None:
    frame = pl.concat(
        [
            answered("original", ["correct", "unscored", "correct", "correct"]),
            answered("warm@2", ["incorrect", "incorrect", "unscored"]),
        ]
    )
    row = paired_tests(frame, ["warm@2"]).row(0, named=True)
    assert (row["pairs"], row["b"], row["c"], row["original_accuracy"]) == (1, 1, 0, 1)


def test_a_cell_without_pairs_is_kept_but_not_tested() -> None:
    empty = paired(2, 1, 0, 1, context="sad").with_columns(verdict=pl.lit("unscored"))
    table = paired_tests(pl.concat([paired(0, 6, 0, 0), empty]), ["warm@2"])
    sad, unmodified = table.sort("context").iter_rows(named=True)
    assert (sad["pairs"], sad["original_accuracy"], sad["p_value"], sad["q_value"]) == (0, None, None, None)
    assert unmodified["q_value"] == unmodified["p_value"]


def test_questions_pair_by_item_within_model_and_arm() -> None:
    frame = pl.concat([paired(4, 3, 2, 1, model=model) for model in ("a", "b")])
    cold = frame.filter(arm="original", model="b").with_columns(arm=pl.lit("cold@2"))
    table = paired_tests(pl.concat([frame, cold]).sample(fraction=1, shuffle=True, seed=1), ["warm@2", "cold@2"])
    assert table.select("model", "arm", "pairs", "b", "c").rows() == [
        ("a", "warm@2", 10, 3, 2),
        ("b", "cold@2", 10, 0, 0),
        ("b", "warm@2", 10, 3, 2),
    ]


def test_q_values_are_adjusted_within_model_arm_task_and_belief() -> None:
    families = itertools.product(("a", "b"), ("medqa", "trivia"), ("none", "asserts_wrong"))
    contexts = ("sad", "happy", "unmodified")
    # Every table differs from all others: equal p-values in two families would hide that they were mixed.
    frame = pl.concat(
        paired(5, 6 + number + 3 * place, number % 5, 5, model=model, task=task, belief=belief, context=context)
        for number, (model, task, belief) in enumerate(families)
        for place, context in enumerate(contexts)
    )
    cold = frame.filter(arm="warm@2").with_columns(
        arm=pl.lit("cold@2"), verdict=pl.when(pl.col("item") < "0004").then(pl.lit("incorrect")).otherwise("verdict")
    )
    table = paired_tests(pl.concat([frame, cold]), ["warm@2", "cold@2"])
    assert table.height == 2 * 8 * 3
    for family in table.partition_by("model", "arm", "task", "belief"):
        p_values = sorted(family["p_value"])
        by_hand = {p: min(q * 3 / rank for rank, q in enumerate(p_values, 1) if q >= p) for p in p_values}
        assert family["q_value"].to_list() == pytest.approx([min(1, by_hand[p]) for p in family["p_value"]])


def test_a_question_answered_twice_is_refused() -> None:
    frame = paired(4, 3, 2, 1)
    with pytest.raises(UserError, match=r"several rows have the key.*'arm': 'warm@2'"):
        paired_tests(pl.concat([frame, frame.filter(arm="warm@2").head(1)]), ["warm@2"])


def test_an_arm_without_observations_gives_no_rows() -> None:
    assert paired_tests(observations(), ["warm@2"]).is_empty()
