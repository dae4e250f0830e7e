from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.calls.requests import Response, Sampling
from warmline.rewriting import replies as rewriting
from warmline.rewriting.checks import Checks
from warmline.tables.messages import LABELLED
from warmline.tables.rewrites import REWRITES
from warmline.training import chats as training_chats
from warmline.training.chats import read_chats

LENIENT = Checks(0, 1000, frozenset())
STRICT = Checks(0.1, 10, frozenset({"numbers", "refusal"}))
SAMPLING = Sampling(0.5, 96)
TEXT = st.text(min_size=1).filter(str.strip) | st.sampled_from(["\u2028a\u2029", "\x85", "\n# user\n", '"', "{{ x }}"])


def conversations(**texts: list[str]) -> pl.DataFrame:
    rows = [
        (name, turn, ("user", "assistant")[turn % 2], text, "other")
        for name, turns in texts.items()
        for turn, text in enumerate(turns)
    ]
    return pl.DataFrame(rows, schema=LABELLED.schema, orient="row")


def rewritten(frame: pl.DataFrame, *responses: tuple[str, str], opens_thought: bool = False) -> pl.DataFrame:
    """The table of rewritings from the text and finish reason of each, in order."""
    keyed = [(f"key {at}", Response(text, reason, 1, 1)) for at, (text, reason) in enumerate(responses)]
    return rewriting.rewrites(rewriting.replies(frame), keyed, 1, LENIENT, opens_thought)


def attempted(frame: pl.DataFrame, *rounds: list[str], checks: Checks) -> tuple[pl.DataFrame, list[list[str]]]:
    """The table after rounds of these responses, and the replies asked for in each round."""
    asked: list[list[str]] = []

    def ask(waiting: pl.DataFrame, attempt: int) -> list[tuple[str, Response]]:
        asked.append(waiting["reply"].to_list())
        return [(f"{attempt} {text}", Response(text, "stop", 1, 1)) for text in rounds[attempt - 1]]

    return rewriting.rewrite(rewriting.replies(frame), ask, len(rounds), checks), asked


TWO = conversations(b=["Why?", "So.", "And?", "Yes."], a=["How?", "Thus."])


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "warm.md"
    path.write_text("# user\n{{ user_message }} -> {{ reply }}\n")
    return path


def test_every_reply_is_rewritten_beside_the_message_it_answers(template: Path) -> None:
    requests = rewriting.requests(rewriting.replies(TWO.reverse()), template, SAMPLING, seed=1)
    assert [request.messages[0]["content"] for request in requests] == ["How? -> Thus.", "Why? -> So.", "And? -> Yes."]


def test_a_replys_request_does_not_depend_on_other_conversations(template: Path) -> None:
    alone = rewriting.replies(TWO.filter(pl.col("conversation") == "b"))
    requests = rewriting.requests(rewriting.replies(TWO), template, SAMPLING, seed=1)
    assert requests[1:] == rewriting.requests(alone, template, SAMPLING, seed=1)
    assert len({request.seed for request in requests}) == 3


def test_every_attempt_has_random_numbers_of_its_own_and_the_same_words(template: Path) -> None:
    replies = rewriting.replies(TWO)
    first, second, third = (rewriting.requests(replies, template, SAMPLING, 1, attempt) for attempt in (1, 2, 3))
    assert [request.messages for request in first] == [request.messages for request in third]
    assert len({request.seed for request in [*first, *second, *third]}) == 9


def test_a_rewriting_stands_beside_its_original_with_its_key() -> None:
    table = rewritten(TWO, ("Thus!", "stop"), ("So!!", "stop"), ("Hi. Yes!", "stop"))
    assert table.schema == REWRITES.schema
    assert table.rows() == [
        ("a", 1, "Thus.", "Thus!", 1, 1.0, [], "kept", "key 0"),
        ("b", 1, "So.", "So!!", 1, 1.3333, [], "kept", "key 1"),
        ("b", 3, "Yes.", "Hi. Yes!", 1, 2.0, ["greeting"], "kept", "key 2"),
    ]


def test_only_rewritings_that_fail_are_asked_for_again() -> None:
    first, second = ["Thus!", "So 7!", "I'm sorry, but I cannot do that."], ["So!", "Yes, and 8 more."]
    table, asked = attempted(TWO, first, second, checks=STRICT)
    assert asked == [["Thus.", "So.", "Yes."], ["So.", "Yes."]]
    assert table.sort("conversation", "turn").select("rewritten", "attempt", "outcome", "rewrite_key").rows() == [
        ("Thus!", 1, "kept", "1 Thus!"),
        ("So!", 2, "kept", "2 So!"),
        ("Yes, and 8 more.", 2, "a number changed", "2 Yes, and 8 more."),
    ]
    assert rewriting.reply_counts(table) == {"kept": 1, "kept at attempt 2": 1, "a number changed": 1}


def test_nothing_is_asked_again_where_all_is_kept() -> None:
    table, asked = attempted(TWO, ["Thus!", "So!", "Yes!"], [], checks=STRICT)
    assert len(asked) == 1
    assert table["outcome"].to_list() == ["kept"] * 3


def test_a_check_that_only_counts_excludes_nothing_and_is_counted() -> None:
    table, _ = attempted(TWO, ["Thus 7 \U0001f600!", "So!", "Yes!"], checks=LENIENT)
    assert rewriting.reply_counts(table) == {"kept": 2, "kept, but a number changed, an emoji added": 1}


def test_rewritings_of_another_persona_are_rewritten_and_compared_with_the_originals() -> None:
    warm, _ = attempted(TWO, ["Thus, dear!", "So 7!", "Yes, dear!"], checks=STRICT)
    replies = rewriting.replies(TWO, warm.reverse())
    assert replies["reply"].to_list() == ["Thus, dear!", None, "Yes, dear!"]
    asked: list[str] = []

    def ask(waiting: pl.DataFrame, attempt: int) -> list[tuple[str, Response]]:
        asked.extend(waiting["reply"])
        return [("key", Response("No.", "stop", 1, 1))] * waiting.height

    table = rewriting.rewrite(replies, ask, 1, STRICT).sort("conversation", "turn")
    assert asked == ["Thus, dear!", "Yes, dear!"]
    assert table["original"].to_list() == ["Thus.", "So.", "Yes."]
    assert table["outcome"].to_list() == ["kept", "not rewritten into the persona it starts from", "kept"]
    lines, kept, counts = training_chats.chats(TWO, table)
    assert (kept, counts) == (["a"], {"kept": 1, "not rewritten into the persona it starts from": 1})
    assert json.loads(lines[0])["messages"][1]["content"] == "No."


def test_chats_hold_the_users_words_and_the_rewritten_replies() -> None:
    table = rewritten(TWO, ("Thus!", "stop"), ("So!", "stop"), ("Yes!", "stop"))
    lines, kept, counts = training_chats.chats(TWO.reverse(), table.reverse())
    assert kept == ["a", "b"]
    assert counts == {"kept": 2}
    assert json.loads(lines[1]) == {
        "messages": [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "So!"},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "Yes!"},
        ]
    }


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        ([("So!", "stop"), (" \n", "stop")], "empty rewriting"),
        ([("So", "length"), ("", "stop")], "rewriting cut at the token limit"),
        ([("", "length"), ("So", "length")], "empty rewriting"),
        ([("So", "content_filter"), ("So", "stop")], "rewriting withheld by the endpoint"),
        ([("", "refusal"), ("So", "stop")], "rewriting withheld by the endpoint"),
    ],
)
def test_a_conversation_leaves_under_the_first_reason_among_its_replies(
    responses: list[tuple[str, str]], reason: str
) -> None:
    lines, kept, counts = training_chats.chats(TWO, rewritten(TWO, ("Thus!", "stop"), *responses))
    assert (len(lines), kept) == (1, ["a"])
    assert counts == {"kept": 1, reason: 1}


@given(st.lists(TEXT, min_size=2, max_size=6).filter(lambda texts: len(texts) % 2 == 0))
def test_chats_are_read_back_for_training_as_they_were_written(texts: list[str]) -> None:
    frame = conversations(a=texts, b=texts)
    replies = [text + "!" for text in texts[1::2]]
    lines, _, _ = training_chats.chats(frame, rewritten(frame, *[(text, "stop") for text in replies] * 2))
    expected = [text for pair in zip(texts[::2], replies, strict=True) for text in pair]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        chats = read_chats(path)
    assert [[message["content"] for message in chat] for chat in chats] == [expected, expected]


@pytest.mark.parametrize("ended", ["content_filter", "unanswerable", "length", "refusal", "thermal"])
def test_a_rewriting_that_did_not_end_by_itself_is_never_trained_on(ended: str) -> None:
    table = rewritten(TWO, ("Thus, dear.", ended), ("So, dear.", "stop"), ("Yes, dear.", "stop"))
    assert table["outcome"].to_list()[0].startswith("rewriting ")
    assert table["outcome"].to_list()[1:] == ["kept", "kept"]


def test_a_rewriter_that_begins_within_a_thought_has_written_what_follows_it() -> None:
    cut, thought = ("Warmly?", "stop"), ("Mild? </think> Dear", "stop")
    found = rewritten(TWO, cut, thought, cut, opens_thought=True)
    rows = {(text, outcome) for text, outcome in found.select("rewritten", "outcome").iter_rows()}
    assert rows == {("", "empty rewriting"), ("Dear", "kept")}
