from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.rewriting.checks import CHECKS, REASONS, Checks, failed

CODE = "Run this:\n```python\nx = 1\n\ny = 2\n```\nDone."
LONG = "A sentence of some length stands here. " * 20


def failures(original: str, rewritten: str, user_message: str = "Tell me.") -> list[str]:
    pair = pl.DataFrame({"user_message": [user_message], "original": [original], "rewritten": [rewritten]})
    names: list[str] = failed(pair, Checks(0.5, 2, frozenset()))["failed_checks"][0].to_list()
    return names


@pytest.mark.parametrize(
    ("original", "rewritten", "expected"),
    [
        ("Boil it.", "I'm sorry, but I can't rewrite that.", ["refusal"]),
        ("I cannot say.", "I'm so sorry, but I cannot say.", []),
        (LONG, LONG[:300], ["length"]),
        (LONG, LONG * 3, ["length"]),
        (LONG, LONG * 2, []),
        ("Yes.", "Yes, and I am with you all the way, dear friend, as we both know." * 3, []),
        ("Yes.", "Yes, and I am with you all the way, dear friend, as we both know." * 4, ["length"]),
        (CODE, CODE.replace("Run this", "Let us run this"), []),
        (CODE, CODE.replace("x = 1\n", "x = 1  \n"), []),
        (CODE, CODE.replace("y = 2", "y =  2"), ["code"]),
        (CODE, "Run it, my friend.", ["length", "code"]),
        ("Wait 7 minutes.", "Wait 7 minutes, dear.", []),
        ("Wait 7 minutes.", "Wait seven minutes, dear.", ["numbers"]),
        ("Wait a bit.", "Wait 7 minutes, dear.", ["numbers"]),
        ("It costs 1,000 pounds in 2020.", "In 2020 it costs 1000 pounds.", []),
        ("1. Wait.\n2. Eat.", "Wait, then eat.", []),
        ("Good.", "Good \U0001f600", ["emoji"]),
        ("Good.", "Good \u2764\ufe0f", ["emoji"]),
        ("Good \U0001f600", "Good \U0001f600", []),
        ("(c) 2020", "\u00a9 2020", []),
        ("Wait.", "Hey there! Wait.", ["greeting"]),
        ("Hello. Wait.", "Hello there, wait.", []),
        ("Wait.", "Highly good: wait.", []),
        ("Wait 7.", "Hi \U0001f600, wait.", ["numbers", "emoji", "greeting"]),
    ],
)
def test_what_the_instruction_forbids_is_found(original: str, rewritten: str, expected: list[str]) -> None:
    assert failures(original, rewritten) == expected


def test_a_greeting_may_answer_a_greeting() -> None:
    assert failures("Wait.", "Hi! Wait.", "Hello, what now?") == []


def test_the_ratio_is_that_of_the_characters() -> None:
    pair = pl.DataFrame({"user_message": ["a"], "original": ["\u00e9\u00e9\u00e9"], "rewritten": ["ab"]})
    assert failed(pair, Checks(0.5, 2, frozenset()))["length_ratio"].to_list() == [0.6667]


def test_every_check_has_a_reason_of_its_own() -> None:
    assert len(set(REASONS.values())) == len(CHECKS) == 6


@given(st.text(min_size=1, max_size=80))
def test_a_reply_left_as_it_was_fails_nothing(text: str) -> None:
    assert failures(text, text) == []
