from __future__ import annotations

from typing import Any

import pytest

from warmline.calls.parameters import applied, deciding, problem, sent_names

BODY = {"model": "m", "max_completion_tokens": 24, "temperature": 0.8, "top_p": 1.0, "seed": 7}


def test_a_name_is_changed_and_its_value_stays() -> None:
    assert applied(BODY, {"max_completion_tokens": "max_tokens", "seed": "random_seed"}) == {
        **{"model": "m", "max_tokens": 24, "temperature": 0.8, "top_p": 1.0, "random_seed": 7}
    }


def test_null_leaves_a_parameter_out_and_others_are_sent_as_they_stand() -> None:
    sent = applied(BODY, {"seed": None, "temperature": None, "top_k": 0, "provider": None})
    assert sent == {"model": "m", "max_completion_tokens": 24, "top_p": 1.0, "top_k": 0, "provider": None}


def test_the_switches_of_the_study_stand_beside_those_of_an_endpoint() -> None:
    ours = {"chat_template_kwargs": {"enable_thinking": False}}
    theirs = {"chat_template_kwargs": {"enable_thinking": True, "date": "today"}}
    assert applied(ours, theirs) == {"chat_template_kwargs": {"enable_thinking": False, "date": "today"}}
    assert applied({}, theirs) == theirs


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"seed": "temperature"}, "temperature is what every request holds"),
        ({"temperature": "top_p", "top_p": "temperature"}, "top_p is what every request holds"),
        ({"max_completion_tokens": "messages"}, "messages is what every request holds"),
        ({"seed": "stream"}, "stream is what every request holds"),
        ({"max_completion_tokens": "max_tokens", "max_tokens": 5}, "max_tokens would be sent twice"),
        ({"seed": "x", "top_p": "x"}, "x would be sent twice"),
        ({"max_completion_tokens": "max_tokens", "seed": None, "top_k": 0, "temperature": "temperature"}, None),
    ],
)
def test_no_name_is_sent_with_two_meanings(parameters: dict[str, Any], wrong: str | None) -> None:
    found = problem(parameters)
    assert (found is None) if wrong is None else (found or "").startswith(wrong)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, {}),
        ({"max_completion_tokens": "max_tokens", "seed": "random_seed"}, {}),
        ({"seed": None, "top_p": None}, {}),
        ({"top_k": 0, "min_p": 0.0, "repetition_penalty": 1}, {}),
        ({"top_k": -1, "repeat_penalty": 1.0}, {}),
        ({"temperature": None, "response_format": None}, {"temperature": None, "response_format": None}),
        ({"top_k": 40, "provider": {"only": ["x"]}}, {"top_k": 40, "provider": {"only": ["x"]}}),
    ],
)
def test_only_what_decides_a_reply_is_part_of_its_key(parameters: dict[str, Any], found: dict[str, Any]) -> None:
    assert deciding(parameters) == found


def test_what_an_endpoint_is_sent_leads_back_to_the_key_that_decides_on_it() -> None:
    names = sent_names({"max_completion_tokens": "max_tokens", "seed": None, "top_k": 0})
    assert names == {
        **{"max_tokens": "max_completion_tokens", "temperature": "temperature", "top_p": "top_p"},
        **{"response_format": "response_format", "top_k": "top_k"},
    }
