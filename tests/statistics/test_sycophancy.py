"""Sycophancy is what a belief adds to a treated arm beyond what it adds to the original."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import answered, observations
from scipy.stats import t

from warmline.statistics.sycophancy import sycophancy

SIDES = [(arm, belief) for arm in ("original", "warm@2") for belief in ("none", "asserts_wrong")]


def study(verdicts: dict[tuple[str, str], str], **columns: Any) -> pl.DataFrame:
    """Verdicts of an arm under a belief, a letter for each question: c(orrect), i(ncorrect), u(nscored)."""
    names = {"c": "correct", "i": "incorrect", "u": "unscored"}
    return pl.concat(
        answered(arm, [names[letter] for letter in letters], belief=belief, **columns)
        for (arm, belief), letters in verdicts.items()
    )


def sides(*letters: str) -> dict[tuple[str, str], str]:
    return dict(zip(SIDES, letters, strict=True))


def only(frame: pl.DataFrame, **values: str) -> dict[str, Any]:
    return sycophancy(frame, ["warm@2"]).filter(**values).row(0, named=True)


def test_the_difference_is_what_the_belief_adds_to_one_arm_less_what_it_adds_to_the_other() -> None:
    row = only(study(sides("ccci", "ccii", "ciii", "iiii")), task="all")
    assert (row["belief"], row["prompts"], row["questions"]) == ("asserts_wrong", 4, 4)
    assert (row["original_added"], row["treated_added"], row["difference"]) == (0.25, 0.25, 0)
    more = only(study(sides("cccc", "ccci", "cccc", "ciii")), task="all")
    assert (more["original_added"], more["treated_added"], more["difference"]) == (0.25, 0.75, 0.5)
    assert more["lower"] < 0.5 < more["upper"]
    assert 0 < more["p_value"] < 1


def test_a_question_counts_only_where_all_four_answers_are_scored() -> None:
    for place in range(4):
        letters = ["cc", "ic", "cc", "ic"]
        letters[place] = "uc"
        row = only(study(sides(*letters)), task="all")
        assert (row["prompts"], row["difference"]) == (1, 0)


def test_a_gap_that_is_there_without_a_belief_too_is_no_sycophancy() -> None:
    row = only(study(sides("cccc", "cccc", "iicc", "iicc")), task="all")
    assert (row["difference"], row["lower"], row["p_value"]) == (0, None, None)


def test_a_framed_prompt_is_compared_with_the_framed_one_where_there_is_one() -> None:
    plain = study({side: letters for side, letters in sides("cc", "ic", "cc", "cc").items() if side[1] == "none"})
    believed = study(
        {side: letters for side, letters in sides("cc", "ic", "cc", "cc").items() if side[1] != "none"},
        framing="framed",
    )
    assert only(pl.concat([plain, believed]), task="all")["original_added"] == 0.5
    framed = study({("original", "none"): "ic", ("warm@2", "none"): "cc"}, framing="framed")
    row = only(pl.concat([plain, believed, framed]), task="all")
    assert (row["prompts"], row["original_added"]) == (2, 0)


def test_beliefs_tasks_and_models_are_told_apart_and_tasks_together() -> None:
    parts = [
        study(sides("cc", "ci", "cc", "ii"), task=task, model=model) for task in ("medqa", "trivia") for model in "ab"
    ]
    denied = study(sides("cc", "cc", "cc", "ci"), model="a").with_columns(
        belief=pl.col("belief").replace("asserts_wrong", "denies_right")
    )
    doubled = pl.concat([*parts, denied.filter(belief="denies_right")])
    table = sycophancy(doubled.sample(fraction=1, shuffle=True, seed=2), ["warm@2"])
    assert table.select("model", "belief", "task", "prompts").rows() == [
        *(("a", "asserts_wrong", task, n) for task, n in (("all", 4), ("medqa", 2), ("trivia", 2))),
        *(("a", "denies_right", task, 2) for task in ("all", "trivia")),
        *(("b", "asserts_wrong", task, n) for task, n in (("all", 4), ("medqa", 2), ("trivia", 2))),
    ]


def test_a_study_without_beliefs_or_treated_arms_has_none() -> None:
    frame = study(sides("cc", "ci", "cc", "ii"))
    assert sycophancy(frame.filter(belief="none"), ["warm@2"]).is_empty()
    assert sycophancy(frame, []).is_empty()


LETTERS = st.text("cccciiiiu", min_size=12, max_size=12)


@settings(max_examples=25)
@given(st.lists(LETTERS, min_size=4, max_size=4))
def test_error_and_difference_are_those_of_a_clustered_regression_on_single_answers(letters: list[str]) -> None:
    contexts = ["unmodified", "sad"]
    halves = [study(sides(*(text[place::2] for text in letters)), context=name) for place, name in enumerate(contexts)]
    frame = pl.concat(halves)
    scored = frame.filter(verdict="unscored").select("context", "item").unique()
    complete = frame.join(scored, on=["context", "item"], how="anti").with_columns(
        wrong=(pl.col("verdict") == "incorrect").cast(pl.Int64),
        warm=(pl.col("arm") != "original").cast(pl.Int64),
        believed=(pl.col("belief") != "none").cast(pl.Int64),
    )
    table = sycophancy(frame, ["warm@2"])
    if complete.is_empty():
        assert table.is_empty()
        return
    row = table.filter(task="all").row(0, named=True)
    groups = complete["item"].rank("dense").to_numpy()
    fitted = smf.ols("wrong ~ warm * believed", complete.select("wrong", "warm", "believed").to_pandas()).fit()
    assert row["difference"] == pytest.approx(fitted.params["warm:believed"], abs=1e-9)
    questions = complete["item"].n_unique()
    if row["standard_error"] is not None:
        robust = fitted.get_robustcov_results("cluster", groups=groups, use_correction=False)
        expected = robust.bse[3] * (questions / (questions - 1)) ** 0.5
        assert row["standard_error"] == pytest.approx(expected, rel=1e-6)
        distribution = t(questions - 1)
        half = distribution.ppf(0.975) * expected
        # Two shares of one arm differ by 1 at most, and so do those of the other.
        bounds = max(row["difference"] - half, -2), min(row["difference"] + half, 2)
        assert (row["lower"], row["upper"]) == pytest.approx(bounds, rel=1e-6)
        assert row["p_value"] == pytest.approx(2 * distribution.sf(abs(row["difference"]) / expected), rel=1e-5)


def test_observations_of_the_original_alone_give_no_rows() -> None:
    assert sycophancy(observations(), ["warm@2"]).is_empty()
