from __future__ import annotations

import polars as pl
import pytest
from measured_warmth import measured, normal

from warmline.warmth.lift import ARM, lifts, with_intervals


def test_a_lift_is_taken_over_prompts_that_both_arms_answered() -> None:
    frame = pl.concat([measured("original", [0, 1, 2, 3, None]), measured("warm@2", [1, 3, 5, None, 50])])
    original, warm = lifts(frame, "value").iter_rows(named=True)
    assert (original["n"], original["unscored"], original["mean"]) == (4, 1, 1.5)
    assert [original[name] for name in ("pairs", "lift", "lift_standard_error")] == [None] * 3
    assert (warm["pairs"], warm["lift"], warm["lift_standard_error"]) == (3, 2, pytest.approx(3**-0.5))
    assert list(lifts(frame, "value").columns[:4]) == list(ARM)


def test_an_interval_is_that_of_the_normal_distribution_for_many_prompts() -> None:
    frame = pl.concat([measured("original", normal(800, 0, 1)), measured("warm@2", normal(800, 0.5, 2))])
    (row,) = with_intervals(frame, "value", 1).filter(arm="warm@2").iter_rows(named=True)
    for bound, sign in (("lower", -1), ("upper", 1)):
        assert row[bound] == pytest.approx(row["lift"] + sign * 1.96 * row["lift_standard_error"], abs=0.01)


def test_an_interval_follows_from_the_seed_and_not_from_the_order_or_the_other_models() -> None:
    frame = pl.concat([measured("original", normal(30, 0, 1)), measured("warm@2", normal(30, 0.5, 2))])
    once = with_intervals(frame, "value", 1)
    assert once.equals(with_intervals(frame.reverse(), "value", 1))
    assert not once.equals(with_intervals(frame, "value", 2))
    others = pl.concat([frame, frame.with_columns(model=pl.lit("b")), measured("cold@2", normal(30, 0, 3))])
    both = with_intervals(others, "value", 1).filter(pl.col("arm").is_in(["original", "warm@2"]))
    assert both.filter(model="a").equals(once)
    assert both.filter(model="b").drop("model").equals(once.drop("model"))


def test_groups_are_compared_with_the_original_of_their_own_group() -> None:
    groups = [
        pl.concat([measured("original", [start] * 3, variant=name), measured("warm@2", [start + 1] * 3, variant=name)])
        for name, start in (("clean", 0.0), ("as_published", 10.0))
    ]
    table = with_intervals(pl.concat(groups), "value", 1, ["variant"])
    assert table["variant"].to_list() == ["as_published"] * 2 + ["clean"] * 2
    assert table.filter(arm="warm@2").select("lift", "lower", "upper").rows() == [(1, 1, 1)] * 2


@pytest.mark.parametrize("values", [[1.0], [None, None, 1.0], [None, None, None]])
def test_fewer_than_two_pairs_have_neither_error_nor_interval(values: list[float | None]) -> None:
    frame = pl.concat([measured("original", [0.0, 0.0, 0.0]), measured("warm@2", values)])
    (row,) = with_intervals(frame, "value", 1).filter(arm="warm@2").iter_rows(named=True)
    assert (row["lift_standard_error"], row["lower"], row["upper"]) == (None, None, None)


def test_a_model_without_its_original_has_no_lift() -> None:
    (row,) = with_intervals(measured("warm@2", [1.0, 2.0]), "value", 1).iter_rows(named=True)
    assert (row["n"], row["pairs"], row["lift"], row["lower"]) == (2, 0, None, None)
