from __future__ import annotations

import polars as pl
import pytest
from observed import answered, observations

from warmline.statistics.accuracy import accuracy_table


def test_unscored_answers_are_counted_but_neither_right_nor_wrong() -> None:
    verdicts = ["correct", "correct", "correct", "incorrect", "unscored"]
    row = accuracy_table(answered("original", verdicts)).row(0, named=True)
    assert (row["n"], row["unscored"], row["correct"]) == (4, 1, 3)
    assert row["accuracy"] == 0.75
    assert row["standard_error"] == pytest.approx((0.75 * 0.25 / 4) ** 0.5)


def test_a_cell_without_scored_answers_has_no_accuracy() -> None:
    row = accuracy_table(answered("original", ["unscored"])).row(0, named=True)
    assert (row["n"], row["unscored"], row["accuracy"], row["standard_error"]) == (0, 1, None, None)


def test_truncation_and_length_cover_all_answers() -> None:
    frame = observations(
        item=["1", "2", "3"],
        verdict=["correct", "incorrect", "unscored"],
        finish_reason=["stop", "length", "length"],
        response_length=[10, 20, 60],
    )
    row = accuracy_table(frame).row(0, named=True)
    assert (row["truncated"], row["mean_length"]) == (2, 30)


def test_cells_stay_apart_and_rows_are_sorted_by_key_whatever_the_order() -> None:
    cells = [
        {"model": "b"},
        {"arm": "warm@2"},
        {"task": "medqa"},
        {"context": "sad"},
        {"belief": "asserts_wrong"},
        {"framing": "framed"},
        {},
    ]
    frame = pl.concat([observations(**cell) for cell in cells])
    table = accuracy_table(frame)
    key = table.columns[:6]
    assert table.height == len(cells)
    assert table.equals(table.sort(key))
    assert accuracy_table(frame.reverse()).equals(table)


def test_no_observations_give_an_empty_table() -> None:
    assert accuracy_table(observations().clear()).is_empty()
