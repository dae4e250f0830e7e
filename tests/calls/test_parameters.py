from __future__ import annotations

from typing import Any

import pytest

from warmline.calls.parameters import applied, deciding, sent_names

BODY = {"model": "m", "max_completion_tokens": 24, "temperature": 0.8, "top_p": 1.0, "seed": 7}


def test_a_name_is_changed_and_its_value_stays() -> None:
    assert applied(BODY, {"max_completion_tokens": "max_tokens", "seed": "random_seed"}) == {
        **{"model": "m", "max_tokens": 24, "temperature": 0.8, "top_p": 1.0, "random_seed": 7}
    }


def test_null_leaves_a_parameter_out_and_others_are_sent_as_they_stand() -> None:
    sent = applied(BODY, {"seed": None, "temperature": None, "top_k": 0, "provider": None})
    assert sent == {"model": "m", "max_completion_tokens": 24, "top_p": 1.0, "top_k": 0, "provider": None}


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
