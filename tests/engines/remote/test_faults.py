from __future__ import annotations

import email.utils
import time
from typing import Any

import httpx2
import openai
import pytest

from warmline.calls.requests import Failure, Response, Unanswerable
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.faults import details, is_overload, is_transient, rejected, retry_after
from warmline.lineage.errors import UserError

KEY = "sk-a-key-that-nobody-may-see"
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", key="TEST_KEY")


def status_error(status: int, body: object) -> openai.APIStatusError:
    reply = httpx2.Response(status, request=httpx2.Request("POST", ENDPOINT.url))
    return openai.APIStatusError("said", response=reply, body=body)


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
        rejected(status, error, ENDPOINT, "m")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "invalid_prompt", "message": "limited for safety reasons"}),
        (403, {"code": 403, "message": "requires moderation and your input was flagged"}),
        (403, {"message": "Forbidden", "metadata": {"reasons": ["violence"]}}),
        (400, {"code": "context_length_exceeded", "message": "Please reduce the length"}),
        (400, {"message": "This model's maximum context length is 128 tokens (max_tokens is too large: 64)"}),
        (400, {"type": "exceed_context_size_error", "message": "request (80 tokens) exceeds it"}),
        (422, {"message": "inputs must have less: input is too long, 5000 of 4096"}),
        (413, {"message": "Payload"}),
        (429, {"message": "Request too large for m on tokens per min"}),
        (500, {"message": "the request exceeds the available context size"}),
    ],
)
def test_what_a_request_is_turned_down_for_by_itself_is_never_answered(status: int, error: dict[str, Any]) -> None:
    found = rejected(status, error, ENDPOINT, "m")
    assert found == Unanswerable(f"status {status}: {error['message']}", own=True)
    assert not is_transient(status_error(status, error))


def test_what_is_not_understood_may_concern_all_rows() -> None:
    assert rejected(400, {"message": "no"}, ENDPOINT, "m") == Unanswerable("status 400: no", own=False)


def test_what_may_pass_is_asked_again_by_the_next_run() -> None:
    assert rejected(500, {"message": "down"}, ENDPOINT, "m") == Failure("status 500: down")


@pytest.mark.parametrize(
    "error",
    [
        {"message": "The model `m` does not exist."},
        {"message": "Invalid model name passed in model=m"},
        {"message": "m is not a valid model ID"},
        {"code": "model_not_found", "message": "no"},
    ],
)
def test_a_wrong_model_stops_the_run_with_whatever_status(error: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"does not know the model m, says status 400: .* Correct `name`"):
        rejected(400, error, ENDPOINT, "m")


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (400, {"message": "Unsupported parameter", "param": "max_completion_tokens"}, "max_completion_tokens"),
        (400, {"message": "Unrecognized request argument supplied: seed", "param": None}, "seed"),
        (400, {"message": "'temperature' does not support 0 with this model."}, "temperature"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, "seed"),
        (
            400,
            [{"error": {"code": 400, "message": 'Unknown name "response_format": not supported'}}],
            "response_format",
        ),
        (422, {"detail": "unexpected field max_tokens"}, "max_completion_tokens"),
        (400, {"message": "top_k is not allowed"}, "top_k"),
    ],
)
def test_a_parameter_that_is_not_taken_is_told_by_the_key_to_set(status: int, body: object, name: str) -> None:
    renaming = {"max_completion_tokens": "max_tokens"} if "max_tokens" in str(body) else {}
    endpoint = Endpoint(ENDPOINT.url, parameters={**renaming, "top_k": 0})
    with pytest.raises(UserError, match=rf"sent as {name}, .*`parameters` of this endpoint, .*`{name}"):
        rejected(status, details(status_error(status, body)), endpoint, "m")


def test_a_page_in_an_error_is_told_by_its_title() -> None:
    page = "<html><head><title>Not Found &amp; gone</title></head></html>"
    with pytest.raises(UserError, match=r"status 404: a web page, 'Not Found & gone'\. Check `url`"):
        rejected(404, details(status_error(404, page)), ENDPOINT, "m")


def test_a_filtered_prompt_is_an_answer_without_text() -> None:
    assert rejected(400, {"code": "content_filter", "message": "?"}, ENDPOINT, "m") == Response(
        "", "content_filter", 0, 0, reason="?"
    )


def test_an_error_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", f"{KEY}\n")
    told = rejected(400, {"message": "x" * 490 + KEY}, ENDPOINT, "m")
    assert isinstance(told, Unanswerable)
    assert KEY[:5] not in told.reason
    with pytest.raises(UserError) as stop:
        rejected(401, {"message": f"Incorrect API key provided: {KEY}"}, ENDPOINT, "m")
    assert KEY not in str(stop.value)
    assert "[key]" in str(stop.value)


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
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1000000000000"}, None),
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
