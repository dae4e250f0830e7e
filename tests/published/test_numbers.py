"""The article's numbers, derived from its tables."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.published.numbers import ARTICLE, compared, derived, mean_errors
from warmline.published.reconstruction import reconstruct
from warmline.tables import csv_tables
from warmline.tables.published_numbers import CELL_ERRORS, PRINTED_CAPABILITIES, PRINTED_CELLS

PUBLISHED = REPOSITORY / "config/published"


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    printed = {"warm": "cells", "cold": "cold_cells", "warm-prompt": "prompt_cells"}
    return reconstruct(
        {arm: csv_tables.read(PUBLISHED / f"{name}.csv", PRINTED_CELLS) for arm, name in printed.items()}
    )


@pytest.fixture(scope="module")
def article() -> pl.DataFrame:
    return csv_tables.read(PUBLISHED / "article.csv", ARTICLE)


@pytest.fixture(scope="module")
def numbers(counts: pl.DataFrame) -> dict[str, float]:
    return derived(counts, csv_tables.read(PUBLISHED / "capabilities.csv", PRINTED_CAPABILITIES))


def test_numbers_are_those_of_the_specification(numbers: dict[str, float]) -> None:
    # Specification, section 14, in the order of its rows.
    expected = {
        **{"increase.medqa": 8.59, "increase.truthfulqa": 8.414, "increase.disinfo": 5.364, "increase.triviaqa": 4.946},
        **{"original.lowest": 3.72, "original.highest": 34.60, "increase.relative": 60.303},
        **{"increase.plain": 6.829, "increase.belief_and_emotion": 12.157},
        **{"tuning.coefficient": 0.4137, "tuning.effect": 7.17},
        **{"groups.emotion": 8.87, "groups.stakes": 7.45, "groups.relation": 6.57},
        **{"contexts.sad": 11.91, "contexts.hierarchical_up": 5.22, "beliefs.stated": 10.96, "beliefs.none": 7.60},
        **{"sycophancy.relative": 37.7, "increase.range_lowest": 0.3, "increase.range_highest": 27.4},
        **{"capabilities.mmlu_llama-8b": 8.6},
        # Rows 16 and 18.
        **{"cold.highest": 4.50, "cold.lowest": 13.22, "prompt.qwen-32b": 15.29, "prompt.llama-70b": 11.77},
    }
    assert set(numbers) - set(expected) == {"groups.emotion_ratio", "contexts.sad_ratio"}
    # The specification starts from rates with two decimals, and prints some numbers with one.
    loose = {"sycophancy.relative", "increase.range_lowest", "increase.range_highest", "increase.relative"}
    for name, number in expected.items():
        assert numbers[name] == pytest.approx(number, abs=0.05 if name in loose else 0.006), name


def test_each_number_of_the_article_matches_differs_with_a_reason_or_says_why_it_cannot_be_derived(
    article: pl.DataFrame, numbers: dict[str, float]
) -> None:
    table = compared(article, numbers)
    assert table.height == article.height
    by_match = {match: set(part["id"]) for (match,), part in table.partition_by("match", as_dict=True).items()}
    assert {"increase.medqa", "increase.relative", "groups.emotion", "beliefs.stated"} <= by_match["yes"]
    assert {"increase.belief_and_emotion", "tuning.effect", "increase.range_lowest"} <= by_match["no"]
    assert {"length.effect", "observations", "cold.significant"} <= by_match["not derivable"]
    assert {"cold.lowest", "prompt.llama-70b"} <= by_match["yes"] and "cold.highest" in by_match["no"]
    assert table.filter(pl.col("match") != "yes")["note"].is_not_null().all()
    assert table.filter(match="not derivable")["derived"].is_null().all()


def test_mean_errors_are_those_of_the_specification(counts: pl.DataFrame) -> None:
    table = mean_errors(counts)
    warm = table.filter(arm="warm")
    increase = {(row["over"], row["belief"], row["level"]): row["increase"] for row in warm.iter_rows(named=True)}
    # Rows 22 and 23, and the mean errors by family.
    for (over, belief, level), number in {
        **{("context", "none", "sad"): 11.30, ("context", "none", "hierarchical_up"): 4.76},
        **{("group", "none", "relation"): 5.98, ("context", "stated", "stakes_low"): 8.51},
        **{("group", "stated", "emotion"): 12.16, ("model", "stated", "qwen-32b"): 39.51 - 22.18},
    }.items():
        assert increase[over, belief, level] == pytest.approx(number, abs=0.011)
    cells = dict(warm.group_by("over").agg(pl.col("cells").sum()).iter_rows())
    assert cells == {"context": 360, "all": 360, "model": 360, "group": 320}


@pytest.mark.parametrize(
    ("arm", "change"),
    [
        # Section 14, rows 16 and 20: mean changes of accuracy.
        ("cold", {"gpt-4o": -0.37, "qwen-32b": -0.45, "llama-70b": 5.99}),
        ("warm-prompt", {"gpt-4o": -4.12, "qwen-32b": -6.39, "llama-70b": 0.96}),
    ],
)
def test_cells_without_counts_are_in_the_means_as_printed(
    counts: pl.DataFrame, arm: str, change: dict[str, float]
) -> None:
    by_model = mean_errors(counts).filter(arm=arm, over="model")
    assert by_model["cells"].to_list() == [36] * 6
    means = dict(by_model.group_by("level").agg(-pl.col("increase").mean()).iter_rows())
    assert means == pytest.approx(change, abs=0.006)


def test_a_number_that_is_neither_derived_nor_excused_is_refused(article: pl.DataFrame) -> None:
    with pytest.raises(UserError, match=r"increase\.medqa is not derived, and has no note"):
        compared(article, {})
    with pytest.raises(UserError, match="typo is derived but not listed"):
        compared(article, {"typo": 1.0})


@given(st.lists(st.integers(0, 791), max_size=6), st.booleans())
def test_tables_of_any_of_the_cells_give_the_numbers_that_they_hold_or_say_what_is_missing(
    article: pl.DataFrame, counts: pl.DataFrame, rows: list[int], with_capabilities: bool
) -> None:
    some = counts[sorted(set(rows))]
    capabilities = csv_tables.read(PUBLISHED / "capabilities.csv", PRINTED_CAPABILITIES)
    found = derived(some, capabilities if with_capabilities else capabilities.clear())
    assert ("capabilities.mmlu_llama-8b" in found) == with_capabilities
    assert set(found) <= set(article["id"]) and all(math.isfinite(number) for number in found.values())
    errors = mean_errors(some)
    assert errors.schema == CELL_ERRORS.schema and errors.filter(over="all")["cells"].sum() == some.height
    with pytest.raises(UserError, match="is not derived, and has no note"):
        compared(article, found)


@pytest.mark.parametrize("value", ["about 40", "nan", None, "1e400"])
def test_a_printed_number_that_is_none_is_named(value: str | None) -> None:
    row = {"id": "x", "part": "", "statement": "", "unit": "pp", "value": value, "note": None}
    with pytest.raises(UserError, match=r"x is .*\. Expected a number as printed"):
        compared(pl.DataFrame([row], schema=ARTICLE.schema), {"x": 1.0})


def test_a_derived_number_is_rounded_as_the_article_rounds() -> None:
    row = {"id": "x", "part": "", "statement": "", "unit": "pp", "value": "7.10", "note": None}
    article = pl.DataFrame([row], schema=ARTICLE.schema)
    for number, shown, match in ((7.095, "7.10", "yes"), (7.0949, "7.09", "no")):
        assert compared(article, {"x": number}).select("derived", "match").row(0) == (shown, match)
