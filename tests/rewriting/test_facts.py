from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.rewriting import facts as fact_check
from warmline.rewriting.facts import check, code, code_blocks, entities, lost, numbers, summarise
from warmline.tables.facts import FACTS
from warmline.tables.rewrites import REWRITES

ORIGINAL = "In 1969 NASA sent Neil Armstrong to the Moon. Use `land()` for 2 tries:\n```\nland(3)\n```"
WARM = "We all love that in 1969 nasa sent neil armstrong up there! For 2 or 4 tries:\n```\nland(3)\n```"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It was 7.5% of 1,234,567 at 10:30 on 3/4.", ["7.5", "1234567", "10:30", "3/4"]),
        ("Take 2, then 2 again.", ["2"]),
        ("1. First\n  2) second\n3 eggs", ["3"]),
        ("**4.** Bold. Vitamin B12.", ["12"]),
        ("Run `f(3)`:\n```\n4\n```", []),
        ("Seven, or 1,5 in French.", ["1,5"]),
    ],
)
def test_numbers_are_found_outside_code_and_list_markers(text: str, found: list[str]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The United States joined NATO.", ["United States", "NATO"]),
        ("In New York, I met Marie Curie's friend.", ["New York", "Marie Curie"]),
        ("The Lord of the Rings is long. We went.", ["Lord of the Rings"]),
        ("Paris is nice. It rains.", []),
        ("However I think so. If I can, I do.", []),
        ("**Ludwig van Beethoven** lived.", ["Ludwig van Beethoven"]),
        ("See `New York` and HTML5.", ["HTML5"]),
    ],
)
def test_names_and_acronyms_are_found(text: str, found: list[str]) -> None:
    assert entities(text) == found


def test_code_is_what_stands_in_fences_and_backticks() -> None:
    text = "A `x` and\n```py\na  \n`b`\n```\nthen\n~~~\nc\n~~~\n```\nopen"
    assert code_blocks(text) == ["a\n`b`", "c", "open"]
    assert code(text) == ["a\n`b`", "c", "open", "x"]


def test_what_the_rewriting_lacks_is_lost() -> None:
    assert lost("numbers", ORIGINAL, WARM) == []
    assert lost("entities", ORIGINAL, WARM) == []
    assert lost("code", ORIGINAL, WARM) == ["land()"]
    assert lost("numbers", WARM, ORIGINAL) == ["4"]
    assert lost("entities", "See the EU.", "See Europe.") == ["EU"]
    assert lost("numbers", "In 19 or 69.", "In 1969.") == ["19", "69"]


@given(st.text(max_size=60), st.sampled_from(list(fact_check.KINDS)))
def test_a_text_loses_nothing_to_itself(text: str, kind: str) -> None:
    assert lost(kind, text, text) == []


def table(*rows: tuple[str, str, str]) -> pl.DataFrame:
    columns = [(f"c{at}", 1, *row[:2], 1, 1.0, [], row[2], "key") for at, row in enumerate(rows)]
    return pl.DataFrame(columns, schema=REWRITES.schema, orient="row")


def test_only_kept_rewritings_are_checked_and_shares_add_up() -> None:
    facts = check(table((ORIGINAL, WARM, "kept"), ("Yes.", "Yes!", "kept"), (ORIGINAL, "No.", "a number changed")))
    assert facts.schema == FACTS.schema
    assert facts.height == 6
    assert summarise(facts).rows() == [
        ("numbers", 1, 1, 2, 2, 1),
        ("entities", 1, 1, 2, 2, 0),
        ("code", 1, 0, 2, 1, 0),
    ]


def test_without_kept_rewritings_there_is_a_row_for_each_kind() -> None:
    assert summarise(check(table())).rows() == [(kind, 0, 0, 0, 0, 0) for kind in fact_check.KINDS]
