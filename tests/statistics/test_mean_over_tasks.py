from __future__ import annotations

import random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from small_study import paired_tests

from warmline.statistics.mean_over_tasks import mean_over_tasks, with_family


def answered(*rows: tuple[str, str, int, float | None, float | None]) -> pl.DataFrame:
    columns = ["task", "belief", "pairs", "original_accuracy", "treated_accuracy"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        context=pl.lit("sad"), framing=pl.lit("plain"), arm=pl.lit("warm@2")
    )


def test_tasks_count_equally_and_pairs_within_a_task() -> None:
    tests = answered(
        ("small", "asserts_wrong", 30, 0.5, 0.4),
        ("small", "denies_right", 10, 0.9, 0.4),
        ("large", "none", 999, 0.8, 0.8),
    )
    row = mean_over_tasks(tests, ["arm"]).row(0, named=True)
    # The original errs on 15 + 1 of 40 and on 20%, the arm on 18 + 6 of 40 and on 20%.
    assert row == {
        **{"arm": "warm@2", "tasks": 2, "tests": 3, "pairs": 1039},
        **{"original_error": 30.0, "treated_error": 40.0, "increase": 10.0},
    }


def test_tests_without_pairs_move_no_mean_and_are_not_counted() -> None:
    some = answered(("small", "none", 10, 0.5, 0.4))
    none = answered(("large", "none", 0, None, None))
    assert mean_over_tasks(pl.concat([some, none]), ["arm"]).equals(mean_over_tasks(some, ["arm"]))


def test_every_belief_but_none_is_a_belief() -> None:
    families = with_family(pl.DataFrame({"belief": ["none", "asserts_wrong", "denies_right"]}))["family"]
    assert families.to_list() == ["no belief", "belief", "belief"]


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_digit(chance: random.Random) -> None:
    tests = with_family(paired_tests())
    rows = list(range(tests.height))
    chance.shuffle(rows)
    by = ["model", "arm", "family"]
    assert mean_over_tasks(tests[rows], by).equals(mean_over_tasks(tests, by))
