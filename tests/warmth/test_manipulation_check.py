from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured_warmth import CURVE, warmth

from warmline.lineage.errors import UserError
from warmline.warmth import manipulation_check
from warmline.warmth.manipulation_check import DOWN, NONE, NOT_MEASURED, UNDECIDED, UP


def checked(lifts: Mapping[str, float | None], **directions: str) -> dict[str, dict[str, object]]:
    table = manipulation_check.check(warmth(lifts), list(lifts), directions, 0.05, 1)
    return {row["arm"]: row for row in table.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("direction", "lift", "verdict"),
    [
        (UP, 0.01, "warmer"),
        (UP, -0.01, "not warmer"),
        (UP, 0.0, UNDECIDED),
        (UP, None, NOT_MEASURED),
        (DOWN, -0.01, "colder"),
        (DOWN, 0.01, "not colder"),
        (DOWN, 0.0, UNDECIDED),
        (NONE, 0.01, "warmer"),
        (NONE, -0.01, "colder"),
        (NONE, 0.0, UNDECIDED),
    ],
)
def test_the_verdict_follows_from_the_interval_and_the_direction(
    direction: str, lift: float | None, verdict: str
) -> None:
    row = checked({"warm@2": lift}, warm=direction)["warm@2"]
    assert (row["expected"], row["verdict"]) == (direction, verdict)


@given(st.sampled_from([UP, DOWN, NONE]), st.floats(-1, 1), st.floats(0, 1))
def test_no_verdict_claims_a_direction_while_the_interval_holds_zero(
    direction: str, lower: float, width: float
) -> None:
    verdict = manipulation_check.verdict(direction, lower, lower + width)
    assert (verdict == UNDECIDED) == (lower <= 0 <= lower + width)


def test_a_study_is_stopped_by_what_failed_and_nothing_else() -> None:
    table = manipulation_check.check(
        warmth({"warm@2": 0.0, "cold@2": -0.01, "calm@2": 0.01}),
        ["warm@2", "cold@2", "calm@2"],
        {"warm": UP, "cold": DOWN, "calm": NONE},
        0.05,
        1,
    )
    message = r"^warm@2 of a: it should be warmer than the original, and it is undecided whether it is: lift [+-]0\.0"
    with pytest.raises(UserError, match=message) as error:
        manipulation_check.require(table)
    assert "cold@2" not in str(error.value) and "calm@2" not in str(error.value)
    assert "`warmth.gate` to warn" in str(error.value).replace("\n", " ")
    manipulation_check.require(table.filter(pl.col("arm") != "warm@2"))


def test_arms_that_answer_no_question_are_in_the_curve_alone() -> None:
    table = manipulation_check.check(warmth({"warm@1": 0.01, "warm@2": 0.02}), ["warm@2"], {"warm": UP}, 0.05, 1)
    assert table["arm"].to_list() == ["warm@2"]
    assert table.select("greatest_epoch", "plateau_epoch").row(0) == (2, 2)


def test_the_plateau_begins_within_the_tolerance_of_the_greatest_lift() -> None:
    for tolerance, epoch in {0.05: 1.0, 0.001: 2.0, 0.9: 0.5}.items():
        assert manipulation_check.choose(warmth(CURVE), "warm", UP, tolerance)[0] == epoch
    cold = {arm.replace("warm", "cold"): -lift for arm, lift in CURVE.items()}
    assert manipulation_check.choose(warmth(cold), "cold", DOWN, 0.05)[0] == 1


def test_what_was_chosen_carries_the_curve_that_it_follows_from() -> None:
    _, curve = manipulation_check.choose(warmth(CURVE), "warm", UP, 0.05)
    assert curve["epochs"] == [0.5, 1, 2, 10]
    assert curve["lifts"] == pytest.approx(list(CURVE.values()), abs=0.001)
    assert curve["tolerance"] == 0.05


def test_a_checkpoint_chosen_by_rule_is_no_point_of_the_curve() -> None:
    by_rule = warmth({"warm@1": 0.05}).filter(arm="warm@1").with_columns(arm=pl.lit("warm@plateau"))
    table = manipulation_check.check(pl.concat([warmth(CURVE), by_rule]), ["warm@plateau"], {"warm": UP}, 0.05, 1)
    assert table.select("arm", "checkpoint", "plateau_epoch", "greatest_epoch").row(0) == ("warm@plateau", 1, 1, 2)


def test_no_plateau_is_chosen_where_warmth_went_the_other_way() -> None:
    with pytest.raises(UserError, match=r"no checkpoint of warm moved warmth up.*warm@<epoch>"):
        manipulation_check.choose(warmth({"warm@1": -0.01, "warm@2": -0.02}), "warm", UP, 0.05)
    assert checked({"warm@1": -0.01}, warm=UP)["warm@1"]["plateau_epoch"] is None


def test_a_prompted_arm_has_no_plateau() -> None:
    prompted = warmth({"warm@2": 0.01}).with_columns(
        pl.when(pl.col("arm") == "warm@2").then(None).otherwise("checkpoint").alias("checkpoint"),
        arm=pl.col("arm").str.replace("@2", "-prompt"),
    )
    table = manipulation_check.check(prompted, ["warm-prompt"], {"warm": UP}, 0.05, 1)
    assert table.select("verdict", "plateau_epoch").row(0) == ("warmer", None)
