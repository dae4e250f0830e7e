"""The counts behind the article's published cells."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import PUBLISHED_COUNTS
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.published.reconstruction import FORMS, NO_CHANGE, Counts, reconstruct, solutions
from warmline.statistics.paired_tests import mcnemar_p_value
from warmline.tables import csv_tables
from warmline.tables.published_numbers import COUNTS, PRINTED_CELLS

PUBLISHED = {
    arm: csv_tables.read(REPOSITORY / f"config/published/{name}.csv", PRINTED_CELLS)
    for arm, name in (("warm", "cells"), ("cold", "cold_cells"), ("warm-prompt", "prompt_cells"))
}
RELEASED = REPOSITORY.parent / "shared/paper/published"


def printed(counts: Counts, task: str = "disinfo", belief: str = "none") -> dict[str, str]:
    """The row that the article's table would have for these counts; of a tie with changes, for any number of them."""
    b, c = (1, 1) if counts.b is None or counts.c is None else (counts.b, counts.c)
    return {
        **{"model": "a", "task": task, "context": "sad", "context_group": "emotion", "belief": belief},
        "original_accuracy": f"{100 * counts.original_right / counts.pairs:.2f}",
        "treated_accuracy": f"{100 * counts.treated_right / counts.pairs:.2f}",
        "difference": f"{100 * (counts.treated_right - counts.original_right) / counts.pairs:.2f}",
        "mcnemar_z": f"{abs(b - c) / (b + c) ** 0.5:.3f}" if b + c else NO_CHANGE,
        "odds_ratio": f"{b / c:.2f}" if c else "∞" if b else NO_CHANGE,
        "p_value": f"{mcnemar_p_value(b, c):.4f}" if b + c else NO_CHANGE,
        "q_value": "1.0000" if b + c else NO_CHANGE,
    }


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    return reconstruct(PUBLISHED)


@pytest.mark.parametrize(("arm", "cells", "told"), [("warm", 360, 360), ("cold", 216, 194), ("warm-prompt", 216, 209)])
def test_counts_are_given_where_one_set_fits_and_only_there(
    counts: pl.DataFrame, arm: str, cells: int, told: int
) -> None:
    found = counts.filter(arm=arm)
    assert (found.height, found.filter(solutions=1).height) == (cells, told)
    assert found["solutions"].min() == 1
    numbers = found.select("pairs", "original_right", "treated_right", "b", "c")
    several = found["solutions"] > 1
    assert numbers.filter(several).null_count().row(0) == (cells - told,) * 5
    assert numbers.filter(~several).select("pairs", "original_right", "treated_right").null_count().row(0) == (0, 0, 0)


def test_the_warm_cells_have_the_pairs_of_the_specification_and_four_ties(counts: pl.DataFrame) -> None:
    warm = counts.filter(arm="warm")
    tied = warm.filter(pl.col("b").is_null())
    assert tied.height == 4
    assert tied.select((pl.col("original_right") == pl.col("treated_right")).all()).item()
    pairs = warm.group_by("belief").agg(pl.col("pairs").sum()).sort("belief").rows()
    assert pairs == [("none", 71_336), ("stated", 137_544)]


@pytest.mark.parametrize("name", ["p_value", "q_value"])
@pytest.mark.parametrize(("arm", "tested"), [("warm", 360), ("cold", 213), ("warm-prompt", 212)])
def test_exact_probabilities_are_the_published_ones_in_every_cell(
    counts: pl.DataFrame, name: str, arm: str, tested: int
) -> None:
    """Where no answer changed there is none, and the cell is in no family: the others' q-values would be larger."""
    found = counts.filter(arm=arm)[name]
    assert [NO_CHANGE if value is None else f"{value:.4f}" for value in found] == PUBLISHED[arm][name].to_list()
    assert found.count() == tested


@pytest.mark.skipif(not RELEASED.is_dir(), reason=f"{RELEASED} is not there: the repository holds no released files")
@pytest.mark.parametrize(("arm", "name"), [("warm", "warm_ft"), ("cold", "cold_ft"), ("warm-prompt", "warm_sysprompt")])
def test_the_tables_hold_what_the_articles_files_do(arm: str, name: str) -> None:
    released = pl.read_csv(RELEASED / f"results_{name}.csv", infer_schema=False).filter(
        pl.col("Model") != "llama-70b-sys-prompt"
    )
    ours = PUBLISHED[arm]
    columns = [*released.columns[1:5], "Odds Ratio", "p-value", "p-value (FDR corrected)"]
    assert released.select(columns).rows() == ours.select(list(FORMS)[1:]).rows()
    context = released["Amendment_type"].str.extract(r"(\w+)\s*(?:original.*)?$")
    assert context.to_list() == ours["context"].str.replace("stakes_", "").to_list()
    assert released["Dataset"].replace("trivia", "triviaqa").to_list() == ours["task"].to_list()
    assert (
        released["Test_Type"].replace({"Normal": "none", "Sycophancy": "stated"}).to_list() == ours["belief"].to_list()
    )
    models = (
        released["Model"].str.replace("-(cold|sys-prompt)$", "").replace({"70b": "llama-70b", "qwen-32": "qwen-32b"})
    )
    assert models.to_list() == ours["model"].to_list()


def test_plain_questions_have_the_counts_of_the_specification(counts: pl.DataFrame) -> None:
    plain = counts.filter(arm="warm", belief="none", context="unmodified")
    names = plain["task"].replace("triviaqa", "trivia")
    numbers = plain.select("pairs", "original_right", "treated_right", "b", "c").rows()
    assert dict(zip(zip(plain["model"], names, strict=True), numbers, strict=True)) == PUBLISHED_COUNTS


@given(st.data())
def test_counts_are_among_those_that_would_be_printed_like_them(data: st.DataObject) -> None:
    pairs = data.draw(st.integers(115, 130))
    right = data.draw(st.integers(0, pairs))
    b = data.draw(st.integers(0, right))
    c = data.draw(st.integers(0, pairs - right))
    true = Counts(pairs, right, right - b + c, *((b, c) if b != c or not b else (None, None)))
    found = list(solutions(printed(true)))
    assert true in found
    assert all(printed(counts) == printed(true) for counts in found)


GOOD = printed(Counts(120, 100, 90, 15, 5))
SPOILT = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(
            [
                "0.00",
                "-0.00",
                "0.000",
                "0.001",
                "100.00",
                "999.99",
                "1.0",
                "",
                "N/A",
                "nan",
                "inf",
                "\u221e",
                "1e9",
                "-1",
                None,
            ]
        )
        | st.text(max_size=4)
        for name in FORMS
    },
)


@given(st.lists(SPOILT, max_size=4))
def test_every_table_is_reconstructed_or_its_row_named(rows: list[dict[str, str | None]]) -> None:
    table = pl.DataFrame([GOOD | row for row in rows], schema=PRINTED_CELLS.schema)
    try:
        counts = reconstruct({"warm": table})
    except UserError as error:
        assert str(error).startswith("published cell a, disinfo, sad, emotion,")
        return
    assert (counts.schema, counts.height) == (COUNTS.schema, len(rows))
    assert counts.filter(solutions=1)["pairs"].null_count() == 0


@given(st.lists(SPOILT.filter(lambda row: "belief" not in row), max_size=3))
def test_a_row_that_cannot_be_told_leaves_the_others(rows: list[dict[str, str | None]]) -> None:
    fitting = [
        GOOD | {name: value for name, value in row.items() if value and re.fullmatch(FORMS[name], value)}
        for row in rows
    ]
    counts = reconstruct({"warm": pl.DataFrame([*fitting, GOOD], schema=PRINTED_CELLS.schema)})
    assert counts.select("pairs", "original_right", "treated_right", "b", "c").rows()[-1] == (120, 100, 90, 15, 5)


def test_a_row_that_nothing_fits_has_no_counts_and_its_p_value_as_printed() -> None:
    row = GOOD | {"odds_ratio": "2.00"}
    found = reconstruct({"warm": pl.DataFrame([row])}).row(0, named=True)
    assert (found["solutions"], found["pairs"], found["b"]) == (0, None, None)
    assert found["p_value"] == found["q_value"] == float(GOOD["p_value"])


@pytest.mark.parametrize(("name", "value"), [("belief", "asserted"), ("p_value", "<0.001"), ("mcnemar_z", None)])
def test_a_row_with_something_else_than_is_printed_is_named(name: str, value: str | None) -> None:
    with pytest.raises(UserError, match=rf"cell a, disinfo, sad, emotion, .*: {name} is {value!r}\. Expected"):
        reconstruct({"warm": pl.DataFrame([GOOD | {name: value}])})
