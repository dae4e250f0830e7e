from __future__ import annotations

import csv
from io import StringIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.rewriting.reading_sheet import PAIRS, as_text, draw
from warmline.tables.rewrites import REWRITES


def rewrites(kept: int, left: int = 0) -> pl.DataFrame:
    rows = [
        (f"c{at}", 1, f"original {at}", f"warm {at}", 1, 1.0, [], "kept" if at < kept else "empty rewriting", "key")
        for at in range(kept + left)
    ]
    return pl.DataFrame(rows, schema=REWRITES.schema, orient="row")


def test_fifty_kept_pairs_are_drawn_blind_and_the_key_tells_them_apart() -> None:
    frame = rewrites(80, left=40)
    sheet, key = draw(frame, seed=1)
    assert sheet.columns == ["pair", "first", "second"]
    assert sheet["pair"].to_list() == key["pair"].to_list() == list(range(1, PAIRS + 1))
    assert 10 < key["first"].to_list().count("original") < 40
    for (_, first, second), (_, conversation, turn, which) in zip(sheet.rows(), key.rows(), strict=True):
        row = frame.row(by_predicate=(pl.col("conversation") == conversation) & (pl.col("turn") == turn), named=True)
        assert row["outcome"] == "kept"
        assert {first, second} == {row["original"], row["rewritten"]}
        assert first == row[which]


def test_pairs_depend_on_the_seed_and_not_on_the_order_of_rows() -> None:
    frame = rewrites(80)
    assert all(one.equals(other) for one, other in zip(draw(frame, 1), draw(frame.reverse(), 1), strict=True))
    assert not draw(frame, 1)[1].equals(draw(frame, 2)[1])


def test_few_pairs_are_all_drawn_and_none_is_no_error() -> None:
    assert draw(rewrites(3), 1)[0].height == 3
    assert draw(rewrites(0), 1)[0].write_csv() == "pair,first,second\n"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@a", " =1", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_a_cell_that_begins_like_a_formula_is_text(cell: str) -> None:
    assert as_text(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are() -> None:
    for cell in ("a = b", "1-2", "", "'quoted'"):
        assert as_text(cell) == cell


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_sheet_is_read_back_as_it_was_written(text: str) -> None:
    frame = rewrites(1).with_columns(original=pl.lit(text))
    sheet, key = draw(frame, 3)
    (row,) = csv.DictReader(StringIO(sheet.write_csv(), newline=""))
    assert row["first" if key["first"][0] == "original" else "second"] == as_text(text)
