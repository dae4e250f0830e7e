"""What servers reply beyond the API's own form, from a server process to the ledger and the next run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openai_simulator.client import Simulator

from warmline.calls.answer_files import index_path
from warmline.calls.ask import ask
from warmline.calls.ledger import ANSWERS, Ledger, kept_answers
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.models.cards import RemoteModel

CHAT = "/v1/chat/completions"
MODEL = RemoteModel("m")
ASKED = [Request([{"role": "user", "content": f"Question {row}?"}], Sampling(0.8, 24), seed=row) for row in range(6)]
PAGE = "<!DOCTYPE html><html><title>Sign in</title></html>"
INVALID = {"error": {"message": "Invalid prompt: limited for safety reasons.", "code": "invalid_prompt"}}
FLAGGED = {"error": {"code": 403, "message": "requires moderation and your input was flagged"}}
OVERLONG = {"message": "maximum context length is 4096 tokens", "type": "BadRequestError", "code": 400}
ODD = {"error": {"message": "computer says no"}}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def run(simulator: Simulator, ledger: Ledger, asked: list[Request] = ASKED, again: bool = False) -> Receipt:
    endpoint = Endpoint(simulator.url, max_concurrency=1)
    return ask(asked, ChatEngine(MODEL.respondent, MODEL.name, endpoint, first_pause=0.01), ledger, again=again)


def stored(ledger: Ledger, asked: list[Request] = ASKED) -> list[Response]:
    return [response for _, response in kept_answers(asked, MODEL.respondent, ledger)]


def completion(content: object, finish_reason: str = "stop", **choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason, **choice}]
    return {"model": "m", "choices": choices, "usage": {"prompt_tokens": 7, "completion_tokens": 5}}


def reply(simulator: Simulator, content: object, times: int = 1, **details: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    simulator.order(CHAT, "reply", times=times, content=text, **details)


@pytest.mark.parametrize(
    ("content", "finish_reason", "text", "reason"),
    [
        ([{"type": "thinking", "thinking": "?"}, {"type": "text", "text": "Paris"}], "stop", "Paris", "stop"),
        ("The capital of Fra", "model_length", "The capital of Fra", "length"),
        ("The capital of Fra", "content_filter", "The capital of Fra", "content_filter"),
        ("The capital of Fra", "prohibited_content", "The capital of Fra", "content_filter"),
        ("The capital of Fra", "thermal", "The capital of Fra", "thermal"),
        ("Paris \ud83d end", "stop", "Paris \ufffd end", "stop"),
    ],
)
def test_a_reply_is_kept_as_what_it_says(
    simulator: Simulator, ledger: Ledger, content: object, finish_reason: str, text: str, reason: str
) -> None:
    reply(simulator, completion(content, finish_reason))
    first = run(simulator, ledger)
    assert first.new == 6 and first.finish_reasons[reason] >= 1
    assert (stored(ledger)[0].text, stored(ledger)[0].finish_reason) == (text, reason)
    assert run(simulator, ledger).new == 0
    assert run(simulator, ledger).root() == first.root()


@pytest.mark.parametrize(
    "odd",
    [
        completion("The capital of Fra", "error"),
        completion("The capital of Fra", "abort"),
        completion("The capital of Fra", "insufficient_system_resource"),
        completion("The capital of Fra", error={"code": 502, "message": "Provider disconnected"}),
        {"id": "g", "error": {"message": "Upstream overloaded", "code": 502}},
        {"error": {"message": "Rate limited", "code": "429"}},
        {"error": "something went wrong"},
        "data: {}",
    ],
)
def test_a_reply_that_was_broken_off_is_asked_for_again(simulator: Simulator, ledger: Ledger, odd: object) -> None:
    reply(simulator, odd, times=2)
    assert run(simulator, ledger).finish_reasons == {"stop": 6}
    assert simulator.counts()["chat_received"] == 6 + 2


def test_an_error_with_status_200_is_what_its_code_says(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, {"error": {"code": 401, "message": "No auth credentials found"}})
    with pytest.raises(UserError, match="refuses all calls, with status 401: No auth credentials found"):
        run(simulator, ledger)
    assert simulator.counts()["chat_received"] == 1


def test_a_limit_that_is_not_applied_stops_the_run_at_once(simulator: Simulator, ledger: Ledger) -> None:
    long = completion("word " * 900, "stop") | {"usage": {"prompt_tokens": 7, "completion_tokens": 900}}
    reply(simulator, long, times=100)
    with pytest.raises(UserError, match=r"24 tokens at most and replied with 900: .*`parameters` of this endpoint"):
        run(simulator, ledger)
    assert simulator.counts()["chat_received"] == 1


def test_a_page_is_named_as_one_with_its_address(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, PAGE, times=100, kind="text/html")
    told = re.escape(f"{simulator.url}/chat/completions answered with status 200 and no JSON (text/html): '<!DOCTYPE")
    with pytest.raises(UserError, match=rf"{told}.*: a page for people\. Check `url`"):
        run(simulator, ledger)
    assert simulator.counts()["chat_received"] == 1
    simulator.clear()
    assert run(simulator, ledger).new == 6


def test_a_page_between_answers_is_asked_again(simulator: Simulator, ledger: Ledger) -> None:
    simulator.order(CHAT, "slow", times=2, seconds=0)
    reply(simulator, PAGE, times=2, kind="text/html")
    assert run(simulator, ledger).new == 6


def test_half_a_surrogate_of_an_earlier_version_breaks_no_later_run(simulator: Simulator, ledger: Ledger) -> None:
    run(simulator, ledger)
    [path] = ledger.part(MODEL.respondent).glob(f"*{ANSWERS}")
    lines = path.read_bytes().splitlines(keepends=True)
    line = json.loads(lines[1])
    line["response"]["text"] = "Paris \ud83d"
    line["digest"] = digests.of_value(line["response"])
    lines[1] = json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    path.write_bytes(b"".join(lines))
    index_path(path).unlink()
    assert run(simulator, ledger).new == 0
    assert stored(ledger)[0].text == "Paris \ufffd"


def test_a_line_without_a_reason_is_what_it_was_before_there_were_reasons(simulator: Simulator, ledger: Ledger) -> None:
    run(simulator, ledger)
    [path] = ledger.part(MODEL.respondent).glob(f"*{ANSWERS}")
    for line in path.read_bytes().splitlines()[1:-1]:
        kept = json.loads(line)["response"]
        assert list(kept) == ["text", "finish_reason", "prompt_tokens", "completion_tokens", "served_by"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, INVALID), (403, FLAGGED), (400, OVERLONG), (400, [INVALID]), (400, ODD), (500, OVERLONG)],
)
def test_a_row_that_is_turned_down_for_good_becomes_a_row_and_the_study_ends(
    simulator: Simulator, ledger: Ledger, status: int, body: object
) -> None:
    reply(simulator, body, status=status)
    receipt = run(simulator, ledger)
    assert receipt.finish_reasons == {"stop": 5, "unanswerable": 1}
    first = stored(ledger)[0]
    assert (first.text, first.finish_reason) == ("", "unanswerable")
    assert first.reason and first.reason.startswith(f"status {status}: ")
    assert run(simulator, ledger).new == 0

    again = run(simulator, ledger, again=True)
    assert (again.new, again.finish_reasons) == (1, {"stop": 6})
    assert stored(ledger)[0].finish_reason == "stop"
    assert run(simulator, ledger, again=True).new == 0


def test_what_a_model_cannot_have_read_is_turned_down_though_it_was_answered(
    simulator: Simulator, ledger: Ledger
) -> None:
    beyond = {**completion("garbage"), "usage": {"prompt_tokens": 93, "completion_tokens": 5}}
    reply(simulator, beyond)
    limit = ASKED[0].sampling.max_new_tokens
    endpoint = Endpoint(simulator.url, max_concurrency=1, context_length=92 + limit)
    receipt = ask(ASKED, ChatEngine(MODEL.respondent, MODEL.name, endpoint, first_pause=0.01), ledger)
    assert receipt.finish_reasons == {"stop": 5, "unanswerable": 1}
    first = stored(ledger)[0]
    assert (first.text, first.reason) == (
        "",
        f"prompt and reply may take {93 + limit} tokens, the model takes {92 + limit}",
    )


def test_what_is_turned_down_again_stays_as_it_was(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, INVALID, status=400)
    first = run(simulator, ledger)
    reply(simulator, FLAGGED, status=403)
    assert run(simulator, ledger, again=True).new == 1
    assert run(simulator, ledger).root() == first.root()


@pytest.mark.parametrize(("status", "body"), [(400, INVALID), (400, ODD), (400, OVERLONG)])
def test_what_all_rows_are_turned_down_for_is_stored_for_none(
    simulator: Simulator, ledger: Ledger, status: int, body: object
) -> None:
    reply(simulator, body, status=status, times=6)
    with pytest.raises(UserError, match=r"6 requests .* failed: 6 x status 400: .* The first asks 'Question 0\?'"):
        run(simulator, ledger)
    assert run(simulator, ledger).finish_reasons == {"stop": 6}


def test_answers_of_earlier_runs_show_what_is_a_rows_own(simulator: Simulator, ledger: Ledger) -> None:
    run(simulator, ledger, ASKED[1:])
    reply(simulator, ODD, status=400)
    with pytest.raises(UserError, match="1 x status 400: computer says no"):
        run(simulator, ledger)
    reply(simulator, OVERLONG, status=400)
    assert run(simulator, ledger).finish_reasons == {"stop": 5, "unanswerable": 1}


def test_many_flagged_prompts_do_not_stop_the_job(simulator: Simulator, ledger: Ledger) -> None:
    asked = [Request([{"role": "user", "content": f"Question {n}?"}], Sampling(0, 24), seed=1) for n in range(31)]
    reply(simulator, FLAGGED, status=403, times=30)
    assert run(simulator, ledger, asked).finish_reasons == {"stop": 1, "unanswerable": 30}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Your credit balance is too low"),
        (403, "Your request was blocked."),
        (400, [{"error": "API key expired"}]),
    ],
)
def test_what_befalls_all_rows_from_some_moment_on_is_stored_for_none(
    simulator: Simulator, ledger: Ledger, status: int, message: object
) -> None:
    asked = [Request([{"role": "user", "content": f"Question {n}?"}], Sampling(0, 24), seed=1) for n in range(60)]
    run(simulator, ledger, asked[:3])
    reply(simulator, completion("yes"))
    reply(simulator, message if isinstance(message, list) else {"error": {"message": message}}, status=status, times=60)
    with pytest.raises(UserError, match=r"in a row|refuses all calls, with status 403"):
        run(simulator, ledger, asked)
    simulator.clear()
    receipt = run(simulator, ledger, asked)
    assert (receipt.finish_reasons, receipt.new) == ({"stop": 60}, 56)


def test_a_reply_that_is_nested_too_deep_is_asked_for_again(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, "[" * 200_000)
    assert run(simulator, ledger).finish_reasons == {"stop": 6}


def test_half_a_surrogate_in_an_error_leaves_a_file_that_can_be_read(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, {"error": {"message": "no \ud83d"}}, status=400, times=6)
    with pytest.raises(UserError):
        run(simulator, ledger)
    for path in ledger.folder.rglob("*.jsonl"):
        path.read_text(encoding="utf-8")


def test_a_short_wait_is_no_days_quota(simulator: Simulator, ledger: Ledger) -> None:
    message = "3 requests per minute. Upgrade to raise your daily limits."
    simulator.order(CHAT, "status", status=429, retry_after=0.05, message=message)
    assert run(simulator, ledger).finish_reasons == {"stop": 6}


def test_a_row_that_is_turned_down_again_without_a_word_stays_a_row(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, ODD, status=400)
    run(simulator, ledger)
    reply(simulator, ODD, status=400)
    assert run(simulator, ledger, again=True).finish_reasons == {"stop": 5, "unanswerable": 1}


def test_too_long_is_too_long_whatever_status_says_so(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, {"error": {"message": "maximum context length is 96", "code": "context_length_exceeded"}})
    assert run(simulator, ledger).finish_reasons == {"stop": 5, "unanswerable": 1}


def test_a_parameter_that_is_refused_stops_the_run_before_a_row_is_stored(simulator: Simulator, ledger: Ledger) -> None:
    reply(simulator, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, 100, status=422)
    with pytest.raises(UserError, match=r"sent as seed, says status 422: .* leave it out: `seed: null`"):
        run(simulator, ledger)
    assert simulator.counts()["chat_received"] == 1
    simulator.clear()
    assert run(simulator, ledger).finish_reasons == {"stop": 6}
