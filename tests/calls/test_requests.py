from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.calls.requests import Request, Sampling
from warmline.lineage.draws import row_seed

MESSAGES = [{"role": "user", "content": "Why?"}]
REQUEST = Request(MESSAGES, Sampling(0.8, 24), seed=7)
RESPONDENT = {"engine": "transformers", "weights": "abc", "adapter": None, "precision": "float32"}
IDENTITIES = st.lists(st.text(max_size=4), max_size=4)


def test_a_key_is_the_digest_of_exactly_what_determines_the_response() -> None:
    text = (
        '{"messages":[{"content":"Why?","role":"user"}],'
        '"respondent":{"adapter":null,"engine":"transformers","precision":"float32","weights":"abc"},'
        '"sampling":{"max_new_tokens":24,"temperature":0.8},"seed":7}'
    )
    assert REQUEST.key(RESPONDENT) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [{"role": "user", "content": "Why"}]},
        {"messages": [{"role": "system", "content": "Why?"}]},
        {"messages": [*MESSAGES, *MESSAGES]},
        {"sampling": Sampling(0.7, 24)},
        {"sampling": Sampling(0.8, 25)},
        {"sampling": Sampling(0.8, 24, top_p=0.9)},
        {"seed": 8},
    ],
    ids=["words", "role", "turns", "temperature", "limit", "top_p", "seed"],
)
def test_whatever_determines_the_response_changes_the_key(changes: dict[str, Any]) -> None:
    assert dataclasses.replace(REQUEST, **changes).key(RESPONDENT) != REQUEST.key(RESPONDENT)


@pytest.mark.parametrize("name", RESPONDENT)
def test_another_respondent_changes_the_key(name: str) -> None:
    assert REQUEST.key({**RESPONDENT, name: "other"}) != REQUEST.key(RESPONDENT)


def test_the_order_in_which_things_are_named_changes_no_key() -> None:
    messages = [{"content": "Why?", "role": "user"}]
    respondent = dict(reversed(RESPONDENT.items()))
    assert dataclasses.replace(REQUEST, messages=messages).key(respondent) == REQUEST.key(RESPONDENT)


def test_reseeding_asks_nothing_greedy_anew() -> None:
    greedy = Request(MESSAGES, Sampling(0.0, 24), seed=7)
    assert dataclasses.replace(greedy, seed=8).key(RESPONDENT) == greedy.key(RESPONDENT)


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_temperature_is_the_same_with_and_without_its_decimal_point(temperature: int) -> None:
    whole, decimal = (Request(MESSAGES, Sampling(number, 24), 7) for number in (temperature, float(temperature)))
    assert whole.key(RESPONDENT) == decimal.key(RESPONDENT)


@given(IDENTITIES, IDENTITIES, st.integers(0, 9), st.integers(0, 9))
def test_two_rows_share_a_seed_only_if_they_are_one(one: list[str], other: list[str], seed: int, another: int) -> None:
    assert (row_seed(seed, *one) == row_seed(another, *other)) == ((seed, one) == (another, other))
    assert 0 <= row_seed(seed, *one) < 2**63


def test_a_rows_seed_never_changes() -> None:
    first_64_bits = int(hashlib.sha256(b'[652,"answer","medqa-00001"]').hexdigest()[:16], 16)
    assert row_seed(652, "answer", "medqa-00001") == first_64_bits // 2
