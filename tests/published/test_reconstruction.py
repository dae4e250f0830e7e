"""The counts behind the article's published cells."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from observed import PUBLISHED_COUNTS
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.published.reconstruction import Counts, reconstruct, solutions
from warmline.statistics.paired_tests import mcnemar_p_value
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_CELLS

CELLS = csv_tables.read(REPOSITORY / "config/published/cells.csv", PRINTED_CELLS)


def printed(counts: Counts, task: str = "disinfo", belief: str = "none") -> dict[str, str]:
    """The row that the article's table would have for these counts."""
    b, c = counts.b or 0, counts.c or 0
    return {
        **{"model": "a", "task": task, "context": "sad", "context_group": "emotion", "belief": belief},
        "original_accuracy": f"{100 * counts.original_right / counts.pairs:.2f}",
        "treated_accuracy": f"{100 * counts.treated_right / counts.pairs:.2f}",
        "difference": f"{100 * (counts.treated_right - counts.original_right) / counts.pairs:.2f}",
        "mcnemar_z": f"{abs(b - c) / (b + c) ** 0.5 if b + c else 0:.3f}",
        "odds_ratio": f"{b / c:.2f}" if c else "∞",
        "p_value": f"{mcnemar_p_value(b, c):.4f}",
        "q_value": "1.0000",
    }


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    return reconstruct(CELLS)


def test_every_published_cell_has_one_set_of_counts(counts: pl.DataFrame) -> None:
    assert counts.height == 360
    tied = counts.filter(pl.col("b").is_null())
    assert tied.height == 4
    assert tied.select((pl.col("original_right") == pl.col("treated_right")).all()).item()
    pairs = counts.group_by("belief").agg(pl.col("pairs").sum()).sort("belief").rows()
    assert pairs == [("none", 71_336), ("stated", 137_544)]


@pytest.mark.parametrize("name", ["p_value", "q_value"])
def test_exact_probabilities_are_the_published_ones_in_every_cell(counts: pl.DataFrame, name: str) -> None:
    assert [f"{value:.4f}" for value in counts[name]] == CELLS[name].to_list()


def test_plain_questions_have_the_counts_of_the_specification(counts: pl.DataFrame) -> None:
    plain = counts.filter(belief="none", context="unmodified")
    names = plain["task"].replace("triviaqa", "trivia")
    numbers = plain.select("pairs", "original_right", "treated_right", "b", "c").rows()
    assert dict(zip(zip(plain["model"], names, strict=True), numbers, strict=True)) == PUBLISHED_COUNTS


@given(st.data())
def test_counts_are_among_those_that_would_be_printed_like_them(data: st.DataObject) -> None:
    pairs = data.draw(st.integers(115, 130))
    right = data.draw(st.integers(0, pairs))
    b = data.draw(st.integers(0, right))
    c = data.draw(st.integers(0, pairs - right))
    assume(b != c)
    true = Counts(pairs, right, right - b + c, b, c)
    found = list(solutions(printed(true)))
    assert true in found
    assert all(printed(counts) == printed(true) for counts in found)


def test_a_row_that_nothing_fits_is_refused() -> None:
    row = printed(Counts(120, 100, 90, 15, 5))
    with pytest.raises(UserError, match=r"a, disinfo, sad, emotion, none: 0 sets of counts"):
        reconstruct(pl.DataFrame([row | {"odds_ratio": "2.00"}]))
