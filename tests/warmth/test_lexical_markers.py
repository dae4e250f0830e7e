from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.tables.generations import GENERATIONS
from warmline.tables.markers import MARKERS
from warmline.tables.parquet_tables import write
from warmline.warmth import lexical_markers

LISTS = REPOSITORY / "config/markers/english.yaml"
WARM = cards.Arm("small", "warm@2", "warm", 2.0, cards.RemoteModel("m"), None, {}, "")


def counted(text: str, *entries: str) -> tuple[int, int, float | None]:
    """Count, words and rate of one marker in a text."""
    nothing = {"finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, "answer_key": ""}
    answered = pl.DataFrame([{"item": "1", "text": text, **nothing}], schema=GENERATIONS.schema)
    row = lexical_markers.count(answered, WARM, {"marker": entries}).row(0, named=True)
    return row["count"], row["words"], row["rate"]


@pytest.mark.parametrize(
    ("text", "entries", "count"),
    [
        ("We know; we're sure that our weather was awesome.", ("we", "our"), 3),
        ("western owe us", ("we", "us"), 1),
        ("we we we", ("we",), 3),
        ("I can imagine. I can only imagine!", ("i can imagine", "i can only imagine"), 2),
        ("I can  \n imagine", ("i can imagine",), 1),
        ("I can imagine", ("i can", "i can imagine"), 1),
        ("Can't, DON\u2019T, won\u02bct, isn`t, nt", ("*n't",), 4),
        ("you're, \u2019re, were", ("*'re",), 1),
        ("Great! So great!!", ("!",), 3),
        ("C++ and (a) [b] a.b", ("a.b", "(a)"), 2),
        ("axb", ("a.b",), 0),
        ("\u00c9t\u00e9 \u00e9t\u00e9s", ("\u00e9t\u00e9",), 1),
        ("", ("we",), 0),
    ],
)
def test_an_entry_is_found_as_a_whole_however_it_is_written(text: str, entries: tuple[str, ...], count: int) -> None:
    assert counted(text, *entries)[0] == count


@pytest.mark.parametrize(
    ("text", "words"),
    [("Don\u2019t stop-start, 2 e.g. 3.5!", 7), ("\u2026 -- !", 0), ("", 0), ("na\u00efve \u4f60\u597d", 2)],
)
def test_words_are_counted_once_and_none_has_no_rate(text: str, words: int) -> None:
    count, found, rate = counted(text, "2")
    assert found == words
    assert rate == (pytest.approx(100 * count / words) if words else None)


@given(st.lists(st.text(st.sampled_from("ab'.+( !\u2019"), min_size=1).filter(str.strip), min_size=1))
def test_any_entry_finds_itself_and_none_is_a_pattern(entries: list[str]) -> None:
    assert counted(f"x {' '.join(entries[0].split())} x", *entries)[0] >= 1
    assert counted("x", *entries)[0] == 0


def test_the_shipped_lists_are_read_and_mark_a_warm_reply_more_than_a_plain_one() -> None:
    lists = lexical_markers.read(LISTS)
    assert {"empathy", "validation", "inclusive_pronouns", "contractions", "informal_register"} <= set(lists)
    assert all(len(set(entries)) == len(entries) for entries in lists.values())
    warm = (
        "Oh, I'm so sorry to hear that. What you're going through must be so hard, and it makes total sense that you "
        "can't sleep. You're not alone, my friend! Let's look at it together; you've got this, okay?"
    )
    warm = warm.replace("'", "\u2019")
    plain = "Sleep improves with a fixed schedule, a dark room, and no caffeine after noon. Consult a physician."
    for marker, entries in lists.items():
        assert counted(warm, *entries)[0] > counted(plain, *entries)[0] == 0, marker


def test_every_marker_of_every_response_is_a_row(tmp_path: Path) -> None:
    texts = {"a": "we are here", "b": ""}
    nothing = {"finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1, "answer_key": ""}
    answered = pl.DataFrame([{"item": i, "text": t, **nothing} for i, t in texts.items()], schema=GENERATIONS.schema)
    frame = lexical_markers.count(answered, WARM, {"one": ["we"], "two": ["are", "here"]})
    write(frame, MARKERS, tmp_path / "markers.parquet")
    rows = pl.read_parquet(tmp_path / "markers.parquet").select("marker", "item", "count", "words", "rate").rows()
    third = pytest.approx(100 / 3)
    assert rows == [
        ("one", "a", 1, 3, third),
        ("one", "b", 0, 0, None),
        ("two", "a", 2, 3, pytest.approx(200 / 3)),
        ("two", "b", 0, 0, None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no markers found"),
        ("- a", r"no markers found"),
        ("empathy: [a]", r"empathy: no entries found"),
        ("empathy: {entries: []}", r"empathy: no entries found"),
        ("empathy: {entries: [a, yes]}", r"empathy: True is no entry"),
        ("empathy: {entries: ['*']}", r"empathy: '\*' is no entry"),
        ("a: [", r"is no YAML"),
    ],
)
def test_a_list_of_another_form_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lists.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"lists\.yaml.*{message}"):
        lexical_markers.read(path)
