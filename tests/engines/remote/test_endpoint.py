from __future__ import annotations

import pytest

from warmline.calls.requests import Request, Sampling
from warmline.engines.remote.endpoint import Endpoint, body
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import ChatForm

KEY = "sk-a-key-that-nobody-may-see"
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", key="TEST_KEY")
HELLO = [{"role": "user", "content": "Hello"}]


def test_a_greedy_request_has_no_seed_and_leaves_no_parameter_to_the_server() -> None:
    assert body(Request(HELLO, Sampling(0, 24), seed=7), "m", {}) == {
        "model": "m",
        "messages": HELLO,
        "max_completion_tokens": 24,
        "temperature": 0,
        "top_p": 1.0,
    }


def test_a_sampled_request_has_a_seed_that_fits_31_bits() -> None:
    sent = body(Request(HELLO, Sampling(0.8, 24, top_p=0.9), seed=2**62 + 5), "m", {})
    assert (sent["seed"], sent["top_p"]) == (5, 0.9)


def test_a_schema_is_sent_as_a_strict_one() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = body(Request(HELLO, Sampling(0, 24), seed=7, schema=schema), "m", {})["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def test_a_form_of_chats_reaches_the_body() -> None:
    form = ChatForm({"enable_thinking": False}, system="first-user-turn")
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
    sent = body(Request(chat, Sampling(0, 24), seed=7), "m", {}, form)
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert sent["messages"] == [{"role": "user", "content": "Be kind.\n\nWhy?"}]


def test_a_missing_key_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(UserError, match="the environment variable TEST_KEY is not set"):
        ENDPOINT.client()


@pytest.mark.parametrize("secret", [f"{KEY}\n{KEY}", f"{KEY}\x01", f"{KEY}\u2026"])
def test_what_can_be_no_key_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("TEST_KEY", secret)
    with pytest.raises(UserError, match="TEST_KEY holds characters that no key has") as refusal:
        ENDPOINT.client()
    assert KEY not in str(refusal.value)


def test_an_endpoint_is_read_as_the_configuration_writes_it() -> None:
    endpoint = Endpoint.from_json({"url": "http://127.0.0.1:1/v1", "max-concurrency": 4})
    assert endpoint == Endpoint("http://127.0.0.1:1/v1", max_concurrency=4)


def test_parameters_rename_leave_out_and_add() -> None:
    parameters = {"max_completion_tokens": "max_tokens", "seed": None, "top_k": 0, "provider": {"only": ["x"]}}
    assert body(Request(HELLO, Sampling(0.8, 24), seed=7), "m", parameters) == {
        **{"model": "m", "messages": HELLO, "max_tokens": 24, "temperature": 0.8, "top_p": 1.0},
        **{"top_k": 0, "provider": {"only": ["x"]}},
    }
