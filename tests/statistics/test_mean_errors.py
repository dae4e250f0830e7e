from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import small_study
from polars.testing import assert_frame_equal

from warmline.statistics.mean_errors import mean_errors
from warmline.tables.arm_comparisons import MEAN_ERRORS


def row(table: pl.DataFrame, **wanted: str) -> dict[str, Any]:
    return table.filter(**wanted).row(0, named=True)


def test_errors_are_means_over_tasks_and_the_last_row_is_the_difference_of_their_differences() -> None:
    table = small_study.mean_errors()
    assert table.schema == MEAN_ERRORS.schema
    plain = row(table, model="small", arm="warm@2", family="no belief")
    assert [plain[name] for name in ("original_error", "treated_error", "increase")] == pytest.approx([40, 50, 10])
    assert [plain[name] for name in ("tasks", "tests", "pairs", "worse", "better")] == [2, 4, 240, 4, 0]
    belief = row(table, model="small", arm="warm@2", family="belief")
    assert (belief["increase"], belief["worse"]) == (pytest.approx(20), 8)
    contrast = row(table, model="small", arm="warm@2", family="belief less no belief")
    assert contrast["increase"] == pytest.approx(10)
    assert {name for name, value in contrast.items() if value is not None} == {*MEAN_ERRORS.key, "increase"}


def test_a_test_that_is_not_significant_after_correction_counts_for_neither_side() -> None:
    cold = row(small_study.mean_errors(), model="small", arm="cold@2", family="no belief")
    assert (cold["increase"], cold["worse"], cold["better"]) == (pytest.approx(-2), 0, 0)


def test_unscored_answers_are_those_of_either_arm() -> None:
    plain = row(small_study.mean_errors(), model="small", arm="warm@2", family="no belief")
    assert (plain["original_unscored"], plain["unscored"]) == (4, 4)
    fewer = small_study.accuracy().filter((pl.col("arm") != "warm@2") | (pl.col("context") == "sad"))
    plain = row(mean_errors(small_study.paired_tests(), fewer), model="small", arm="warm@2", family="no belief")
    assert (plain["original_unscored"], plain["unscored"]) == (4, 2)


def test_only_a_single_test_has_its_exact_p_value() -> None:
    table = mean_errors(small_study.paired_tests().head(1), small_study.accuracy())
    assert table["p_value"].to_list() == [0.041389]
    assert small_study.mean_errors()["p_value"].null_count() == small_study.mean_errors().height


def test_an_arm_without_pairs_keeps_its_row() -> None:
    none = small_study.paired_tests().filter(pl.col("pairs") == 0)
    found = row(mean_errors(none, small_study.accuracy()), arm="warm-prompt", family="belief")
    assert (found["treated_error"], found["unscored"]) == (None, 15)


def test_the_order_of_the_rows_changes_nothing() -> None:
    reversed_rows = mean_errors(small_study.paired_tests().reverse(), small_study.accuracy().reverse())
    assert_frame_equal(reversed_rows, small_study.mean_errors(), check_exact=True)
