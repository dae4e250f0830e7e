from __future__ import annotations

import email.utils
import time
from typing import Any

import httpx2
import openai
import pytest

from warmline.calls.requests import Failure, Request, Response, Sampling
from warmline.engines.remote.endpoint import (
    Endpoint,
    InvalidReply,
    body,
    is_overload,
    is_same_model,
    is_transient,
    rejected,
    response,
    retry_after,
)
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import ChatForm

KEY = "sk-a-key-that-nobody-may-see"
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", key="TEST_KEY")
HELLO = [{"role": "user", "content": "Hello"}]


def completion(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": " Good day. ", "refusal": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    choices = [{"message": message | changes.pop("message", {}), "finish_reason": changes.pop("finish_reason", "stop")}]
    return {"model": "m", "choices": choices, "usage": usage, **changes}


def test_a_greedy_request_has_no_seed_and_no_top_p() -> None:
    assert body(Request(HELLO, Sampling(0, 24), seed=7), "m") == {
        "model": "m",
        "messages": HELLO,
        "max_completion_tokens": 24,
        "temperature": 0,
    }


def test_a_sampled_request_has_a_seed_that_fits_31_bits() -> None:
    sent = body(Request(HELLO, Sampling(0.8, 24, top_p=0.9), seed=2**62 + 5), "m")
    assert (sent["seed"], sent["top_p"]) == (5, 0.9)


def test_a_schema_is_sent_as_a_strict_one() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = body(Request(HELLO, Sampling(0, 24), seed=7, schema=schema), "m")["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def test_a_form_of_chats_reaches_the_body() -> None:
    form = ChatForm({"enable_thinking": False}, system="first-user-turn")
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
    sent = body(Request(chat, Sampling(0, 24), seed=7), "m", form)
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert sent["messages"] == [{"role": "user", "content": "Be kind.\n\nWhy?"}]


def test_a_reply_becomes_a_response() -> None:
    replied = response(completion(system_fingerprint="fp_1"), "m")
    assert replied == Response("Good day.", "stop", 1, 2, served_by="m fp_1")


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"finish_reason": "length"}, "Good day.", "length"),
        ({"finish_reason": "content_filter", "message": {"content": None}}, "", "content_filter"),
        ({"message": {"content": None, "refusal": "No."}}, "No.", "refusal"),
        ({"finish_reason": None}, "Good day.", "stop"),
    ],
)
def test_a_reply_says_how_it_ended(changes: dict[str, Any], text: str, reason: str) -> None:
    replied = response(completion(**changes), "m")
    assert (replied.text, replied.finish_reason) == (text, reason)


@pytest.mark.parametrize("changes", [{"choices": []}, {"choices": None}, {"choices": ["?"]}, {"usage": None}])
def test_a_reply_without_choices_or_counts_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidReply):
        response(completion(**changes), "m")


@pytest.mark.parametrize("replied", ["another", None, 3])
def test_another_models_reply_stops_the_run(replied: Any) -> None:
    with pytest.raises(UserError, match="asked for the model m"):
        response(completion(model=replied), "m")


@pytest.mark.parametrize("replied", ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-0613", "gpt-4o-20240806"])
def test_a_dated_snapshot_answers_for_its_family(replied: str) -> None:
    assert is_same_model("gpt-4o", replied)


@pytest.mark.parametrize("replied", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4", "gpt-4o-2024-08-06-x", ""])
def test_a_smaller_member_of_the_family_does_not(replied: str) -> None:
    assert not is_same_model("gpt-4o", replied)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"code": "invalid_api_key"}),
        (402, {"message": "no credit"}),
        (403, {}),
        (404, {"code": "model_not_found"}),
        (429, {"code": "insufficient_quota"}),
        (429, {"code": None, "type": "insufficient_quota"}),
    ],
)
def test_what_is_wrong_with_all_rows_stops_the_run(status: int, error: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{ENDPOINT.url} refuses all calls, with status {status}"):
        rejected(status, error, ENDPOINT)


def test_what_is_wrong_with_one_row_is_its_failure() -> None:
    assert rejected(400, {"message": "too long"}, ENDPOINT) == Failure("status 400: too long")


def test_a_filtered_prompt_is_an_answer_without_text() -> None:
    assert rejected(400, {"code": "content_filter", "message": "?"}, ENDPOINT) == Response("", "content_filter", 0, 0)


def test_an_error_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", f"{KEY}\n")
    told = rejected(400, {"message": "x" * 490 + KEY}, ENDPOINT)
    assert isinstance(told, Failure)
    assert KEY[:5] not in told.reason
    with pytest.raises(UserError) as stop:
        rejected(401, {"message": f"Incorrect API key provided: {KEY}"}, ENDPOINT)
    assert KEY not in str(stop.value)
    assert "[key]" in str(stop.value)


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


def test_what_no_request_can_hold_is_not_tried_again() -> None:
    with pytest.raises(UnicodeEncodeError) as error:
        "\ud800".encode()
    assert not is_transient(error.value)
    assert is_transient(ValueError("no JSON"))


@pytest.mark.parametrize(("status", "overload"), [(429, True), (503, True), (529, True), (500, False), (400, False)])
def test_an_overloaded_endpoint_is_told_from_a_broken_one(status: int, overload: bool) -> None:
    reply = httpx2.Response(status, request=httpx2.Request("POST", ENDPOINT.url))
    kind = {429: openai.RateLimitError, 400: openai.BadRequestError}.get(status, openai.InternalServerError)
    assert is_overload(kind("", response=reply, body=None)) == overload


def test_a_reply_that_takes_too_long_is_a_sign_of_overload() -> None:
    request = httpx2.Request("POST", ENDPOINT.url)
    assert is_overload(openai.APITimeoutError(request=request))
    assert not is_overload(openai.APIConnectionError(request=request))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "0"}, 0.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Thu, 99 Jan 99999 00:00:00 GMT"}, None),
    ],
)
def test_the_wait_that_is_asked_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_the_wait_may_be_told_as_a_date() -> None:
    assert retry_after({"retry-after": email.utils.formatdate(time.time() + 100)}) == pytest.approx(100, abs=30)


def test_an_endpoint_is_read_as_the_configuration_writes_it() -> None:
    endpoint = Endpoint.from_json({"url": "http://127.0.0.1:1/v1", "max-concurrency": 4})
    assert endpoint == Endpoint("http://127.0.0.1:1/v1", max_concurrency=4)
