from __future__ import annotations

from typing import Any

import pytest

from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.remote import replies
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.faults import InvalidReply
from warmline.engines.remote.replies import is_same_model
from warmline.lineage.errors import UserError

ENDPOINT = Endpoint("http://127.0.0.1:1/v1")
ASKED = Request([{"role": "user", "content": "Hello"}], Sampling(0, 64), seed=7)


def response(completion: dict[str, Any], model: str, endpoint: Endpoint = ENDPOINT) -> Response:
    return replies.response(completion, ASKED, model, endpoint)


def completion(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": " Good day. ", "refusal": None}
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    choices = [{"message": message | changes.pop("message", {}), "finish_reason": changes.pop("finish_reason", "stop")}]
    return {"model": "m", "choices": choices, "usage": usage, **changes}


def test_a_reply_becomes_a_response() -> None:
    replied = response(completion(system_fingerprint="fp_1"), "m")
    assert replied == Response("Good day.", "stop", 1, 2, served_by="m fp_1")


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"finish_reason": "length"}, "Good day.", "length"),
        ({"finish_reason": "content_filter", "message": {"content": None}}, "", "content_filter"),
        ({"message": {"content": None, "refusal": "No."}}, "No.", "refusal"),
        ({"finish_reason": None}, "Good day.", "not said"),
        ({"message": {"content": [{"type": "refusal", "refusal": "No."}]}}, "No.", "refusal"),
        ({"finish_reason": "eos_token"}, "Good day.", "stop"),
        ({"finish_reason": "model_length"}, "Good day.", "length"),
        ({"finish_reason": "MAX_TOKENS"}, "Good day.", "length"),
        ({"finish_reason": "content_filter"}, "Good day.", "content_filter"),
        ({"finish_reason": "SAFETY"}, "Good day.", "content_filter"),
        ({"finish_reason": "Whatever"}, "Good day.", "Whatever"),
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


@pytest.mark.parametrize("replied", ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-0613", "gpt-4o-20240806", "gpt-4o@main"])
def test_a_dated_snapshot_answers_for_its_family(replied: str) -> None:
    assert is_same_model("gpt-4o", replied)


@pytest.mark.parametrize(
    "replied", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4", "gpt-4o-2024-08-06-x", "gpt-4o-mini@main", ""]
)
def test_a_smaller_member_of_the_family_does_not(replied: str) -> None:
    assert not is_same_model("gpt-4o", replied)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Paris"}], "Paris"),
        ([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Par"}, {"text": "is"}], "Paris"),
        ([{"type": "reasoning", "text": "Hm."}, "Paris"], "Paris"),
        ([], ""),
        (None, ""),
        ("Paris \ud83d end", "Paris \ufffd end"),
        ("Paris \ud83d\ude00 end", "Paris \U0001f600 end"),
    ],
)
def test_a_text_is_what_the_parts_of_text_say(content: object, text: str) -> None:
    assert response(completion(message={"content": content}), "m").text == text


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_a_reply_that_was_broken_off_is_none(reason: str) -> None:
    with pytest.raises(InvalidReply, match=f"broken off .{reason}"):
        response(completion(finish_reason=reason), "m")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"choices": [{"text": "Paris", "finish_reason": "stop"}]}, "without a message: .*Paris"),
        ({"choices": [{"message": "Paris", "finish_reason": "stop"}]}, "without a message"),
        ({"choices": []}, "without choices"),
        ({"choices": None, "model": None, "detail": "Model overloaded"}, "without choices: .*Model overloaded"),
        ({"message": {"content": [{"type": "text", "text": {"value": "Paris"}}]}}, "whose text is dict"),
        ({"message": {"content": [["Paris"]]}}, "a part that is list"),
        ({"message": {"content": 7}}, "whose content is int"),
        ({"message": {"refusal": {"x": 1}}}, "whose text is dict"),
        *(
            ({"usage": {"prompt_tokens": count, "completion_tokens": 2}}, "as a count of tokens")
            for count in (-7, [7], True, float("inf"), 10**30)
        ),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": -5}}, "-5 as a count of tokens"),
    ],
)
def test_what_is_no_reply_of_a_model_is_none(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidReply, match=said):
        response(completion(**changes), "m")


def test_an_error_in_a_choice_breaks_its_reply_off() -> None:
    broken = completion()
    broken["choices"][0]["error"] = {"code": 502, "message": "Provider disconnected"}
    with pytest.raises(InvalidReply, match="Provider disconnected"):
        response(broken, "m")


def test_a_withheld_reply_needs_no_counts() -> None:
    withheld = completion(finish_reason="content_filter", message={"content": None}, usage={"prompt_tokens": 4})
    assert response(withheld, "m") == Response("", "content_filter", 4, 0, served_by="m")


def test_a_reply_longer_than_asked_for_stops_the_run_and_names_the_parameter() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 900}
    with pytest.raises(UserError, match=r"64 tokens at most and replied with 900: .*`max_completion_tokens: "):
        response(completion(usage=usage), "m")


@pytest.mark.parametrize(
    ("asked", "replied"), [("m", "openai/m"), ("openai/m", "m"), ("m", "m"), ("openai/m", "openai/m")]
)
def test_a_gateways_prefix_is_taken_only_where_it_is_configured(asked: str, replied: str) -> None:
    behind = Endpoint(ENDPOINT.url, model_prefix="openai/")
    assert response(completion(model=replied), asked, behind).served_by == replied
    with pytest.raises(UserError, match="`model-prefix`"):
        response(completion(model="other/m"), asked, behind)
    if asked != replied:
        with pytest.raises(UserError, match="`model-prefix`"):
            response(completion(model=replied), asked)
