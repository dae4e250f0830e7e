from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.conversations.screening import Counts, screen, texts_to_score
from warmline.conversations.toxicity import Scores, score
from warmline.lineage.errors import UserError
from warmline.tables.messages import MESSAGES

Turns = Sequence[tuple[str, str]]
Screened = tuple[pl.DataFrame, Counts]
TURNS = st.lists(
    st.tuples(st.sampled_from(["user", "user", "assistant", "assistant", "system"]), st.sampled_from(["a", "b", " "])),
    min_size=1,
    max_size=6,
)
GOOD = [("user", "Why?"), ("assistant", "So.")]


def messages(conversations: Sequence[Turns]) -> pl.DataFrame:
    rows = [
        (f"c{number}", turn, role, text)
        for number, turns in enumerate(conversations)
        for turn, (role, text) in enumerate(turns)
    ]
    return pl.DataFrame(rows, schema=MESSAGES.schema, orient="row")


def swears(texts: Sequence[str]) -> Scores:
    return {"insult": [0.1 for _ in texts], "obscene": [0.9 if "damn" in text else 0.1 for text in texts]}


def screen_all(frame: pl.DataFrame, left_out: Counts, *, threshold: float, characters: int, turns: int) -> Screened:
    scores = score(texts_to_score(frame, characters), swears)
    return screen(frame, left_out, scores, threshold=threshold, turns=turns)


def screened(*conversations: Turns, threshold: float = 0.5, characters: int = 2000, turns: int = 20) -> Screened:
    return screen_all(messages(conversations), {"no turns": 1}, threshold=threshold, characters=characters, turns=turns)


@given(st.lists(TURNS, max_size=6), st.integers(2, 5))
def test_every_conversation_is_counted_once_and_what_is_kept_alternates(conversations: list[Turns], turns: int) -> None:
    kept, counts = screened(*conversations, turns=turns)
    assert sum(counts.values()) == len(conversations) + 1
    chats = kept.sort("conversation", "turn").group_by("conversation", maintain_order=True).agg("turn", "role", "text")
    assert chats.height == counts.get("kept", 0) + counts.get("kept, cut to the longest length", 0)
    for name, positions, roles, texts in chats.iter_rows():
        assert positions == list(range(len(positions)))
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert 2 <= len(roles) <= turns
        assert list(zip(roles, texts, strict=True)) == list(conversations[int(name[1:])][: len(roles)])


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("system", "Be kind."), *GOOD], "holds a system turn"),
        ([("assistant", "Hello."), *GOOD], "begins with the assistant"),
        ([("user", "Hello."), *GOOD], "turns do not alternate"),
        ([*GOOD, ("assistant", "More.")], "turns do not alternate"),
        ([("user", "Why?")], "no reply"),
        ([("user", "Why?"), ("assistant", " \n\t")], "an empty message"),
        ([("user", "Why, damn it?"), ("assistant", "So.")], "toxic"),
        (GOOD, "kept"),
    ],
)
def test_a_conversation_leaves_with_its_reason(turns: Turns, reason: str) -> None:
    kept, counts = screened(turns)
    assert counts == {reason: 1, "no turns": 1}
    assert kept.height == (2 if reason == "kept" else 0)


def test_of_equal_conversations_the_first_id_is_kept() -> None:
    kept, counts = screened(GOOD, [("user", "How?"), ("assistant", "So.")], GOOD)
    assert kept["conversation"].unique().sort().to_list() == ["c0", "c1"]
    assert counts["duplicate"] == 1


def test_conversations_that_differ_in_case_and_blanks_alone_are_equal() -> None:
    kept, counts = screened(GOOD, [(role, f" {text.upper()}\n") for role, text in GOOD])
    assert kept["text"].to_list() == [text for _, text in GOOD]
    assert counts["duplicate"] == 1


def test_a_last_message_of_the_user_is_dropped() -> None:
    kept, counts = screened([*GOOD, ("user", "And?")])
    assert kept.rows() == [("c0", 0, "user", "Why?"), ("c0", 1, "assistant", "So.")]
    assert counts["kept"] == 1


def test_long_conversations_are_cut_to_whole_exchanges_and_counted() -> None:
    long = [(role, str(at)) for at in range(3) for role in ("user", "assistant")]
    kept, counts = screened(long, turns=5)
    assert kept["turn"].to_list() == [0, 1, 2, 3]
    assert counts == {"kept, cut to the longest length": 1, "no turns": 1}


def test_only_the_first_characters_are_scored() -> None:
    turns = [("user", "1234"), ("assistant", "damn")]
    assert "kept" in screened(turns, characters=8)[1]
    assert "toxic" in screened(turns, characters=9)[1]


def test_a_score_at_the_threshold_is_not_toxic() -> None:
    turns = [("user", "damn"), ("assistant", "So.")]
    assert "kept" in screened(turns, threshold=0.9)[1]
    assert "toxic" in screened(turns, threshold=0.89)[1]


def test_scores_go_to_the_conversations_that_they_are_of() -> None:
    damned = [("user", "damn"), ("assistant", "So.")]
    kept, _ = screened([("user", "alone")], damned, GOOD, [("system", "x")], [*damned, ("user", "!")])
    assert kept["conversation"].unique().to_list() == ["c2"]


def test_the_order_of_rows_does_not_matter() -> None:
    frame = messages([GOOD, [("user", "Why?")], GOOD, [*GOOD, ("user", "damn"), ("assistant", "So.")]])
    forth, back = (screen_all(rows, {}, threshold=0.5, characters=2000, turns=20) for rows in (frame, frame.reverse()))
    assert forth[0].equals(back[0])
    assert forth[1] == back[1] == {"duplicate": 1, "kept": 1, "no reply": 1, "toxic": 1}


def test_only_conversations_of_a_fit_form_are_scored() -> None:
    frame = messages([GOOD, [("user", "Why?")], [("system", "x"), *GOOD], [*GOOD, ("user", "And?")]])
    assert texts_to_score(frame, 9).rows() == [("c0", "Why?\nSo."), ("c3", "Why?\nSo.\n")]


def test_a_conversation_without_a_score_stops_the_study() -> None:
    scores = score(texts_to_score(messages([GOOD]), 9), swears)
    frame = messages([GOOD, [("user", "How?"), ("assistant", "So.")]])
    with pytest.raises(UserError, match="conversation c1 has no score"):
        screen(frame, {}, scores, threshold=0.5, turns=20)
