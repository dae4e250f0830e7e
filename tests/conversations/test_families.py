"""Conversations of which one at most is drawn."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.conversations.families import families
from warmline.conversations.sampling import balanced

LONG = "A question that is long enough to be a person's own, about the price of tin in 1931."


def messages(conversations: dict[str, list[str]]) -> pl.DataFrame:
    rows = [(name, turn, text) for name, texts in conversations.items() for turn, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=["conversation", "turn", "text"], orient="row")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["Hi", LONG, "Why?", "So."], ["Well?", "No.", LONG, "Yes."], True),
        (["Hi", f" {LONG.upper()}\n"], ["Well?", LONG], True),
        (["Hi", "So."], ["hi ", "No."], True),
        (["Straße und Fluß", "So."], ["STRASSE UND FLUSS", "No."], True),
        (["Hi", "Thank you"], ["Well?", "Thank you"], False),
        (["Hi", "So.", "Well?", "No."], ["Well?", "No."], False),
        (["Hi", LONG], ["Well?", LONG + "!"], False),
    ],
)
def test_what_makes_two_conversations_one_family(one: list[str], other: list[str], same: bool) -> None:
    found = families(messages({"one": one, "other": other}))
    assert (found["one"] == found["other"]) == same


def test_pieces_are_told_by_their_ids() -> None:
    found = families(messages({name: [name] for name in ("QWJhYvA_0", "QWJhYvA_17", "QWJhYvB_0", "QWJhYvA")}))
    assert found["QWJhYvA_0"] == found["QWJhYvA_17"]
    assert len(set(found.values())) == 3


@given(st.dictionaries(st.text(max_size=3), st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3), min_size=1))
def test_families_are_what_chains_of_shared_messages_join(conversations: dict[str, list[str]]) -> None:
    """Against joining them two by two."""
    texts = {name: [text * 40 for text in parts] for name, parts in conversations.items()}
    expected = {name: {name} for name in texts}
    for one in texts:
        for other in texts:
            if set(texts[one]) & set(texts[other]):
                joined = expected[one] | expected[other]
                expected.update(dict.fromkeys(joined, joined))
    found = families(messages(texts))
    for one in texts:
        assert {other for other in texts if found[other] == found[one]} == expected[one]


def test_no_renamed_piece_of_a_training_conversation_is_validated_on() -> None:
    """Twelve conversations, and of each a second one under another id that was cut earlier."""
    rows = []
    for at in range(12):
        texts = [f"{'Ask' if turn % 2 == 0 else 'Answer'} {at}, {turn}: {LONG}" for turn in range(6)]
        for name, length in ((f"whole{at}", 6), (f"other{at}", 2)):
            rows += [(name, turn, text, "factual") for turn, text in enumerate(texts[:length])]
    frame = pl.DataFrame(rows, schema=["conversation", "turn", "text", "query_type"], orient="row")
    training, validation = balanced(frame, training=6, validation=6, seed=3, short="fill")
    numbers = [name.removeprefix("whole").removeprefix("other") for name in (*training, *validation)]
    assert len(set(numbers)) == 12
