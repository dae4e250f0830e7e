from __future__ import annotations

import json
import logging
import random
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai_simulator.client import Simulator

from warmline.calls.ask import ask
from warmline.calls.budget import Budget
from warmline.calls.ledger import Ledger
from warmline.calls.prices import Prices
from warmline.calls.progress import Progress
from warmline.calls.requests import Failure, Request, Response, Sampling, Unanswerable
from warmline.engines.remote import chat
from warmline.engines.remote.chat import FAILURES_IN_A_ROW, FAULTS_IN_A_ROW, ChatEngine
from warmline.engines.remote.endpoint import Endpoint, body
from warmline.engines.served.server import free_port
from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.models.cards import RemoteModel
from warmline.models.chat_forms import ChatForm

CHAT = "/v1/chat/completions"
MODEL = "simulated"
KEY = "sk-a-key-that-nobody-may-see"
PAUSE = 0.01
ONE_AT_A_TIME = {"max_concurrency": 1}


def engine(simulator: Simulator, name: str = MODEL, **limits: Any) -> ChatEngine:
    return ChatEngine(RemoteModel(name).respondent, name, Endpoint(simulator.url, **limits), first_pause=PAUSE)


def questions(number: int) -> list[Request]:
    sampling = Sampling(0.8, 24)
    return [Request([{"role": "user", "content": f"Question {row}?"}], sampling, seed=row) for row in range(number)]


def results(engine: ChatEngine, requests: list[Request]) -> list[Response | Failure]:
    """The results in the order of the requests."""
    found = {id(request): result for request, result in engine.answer(requests)}
    return [found[id(request)] for request in requests]


def result(simulator: Simulator, **limits: Any) -> Response | Failure:
    [only] = results(engine(simulator, **limits), questions(1))
    return only


def times_answered(simulator: Simulator, request: Request) -> int:
    times: int = simulator.counts()["answered"].get(digests.of_value(body(request, MODEL, {})), 0)
    return times


def test_every_request_is_answered_once(simulator: Simulator) -> None:
    asked = questions(200)
    answers = results(engine(simulator), asked)
    assert all(isinstance(answer, Response) for answer in answers)
    assert all(times_answered(simulator, request) == 1 for request in asked[:5])
    assert set(simulator.counts()["answered"].values()) == {1}
    assert len(simulator.counts()["answered"]) == 200


def test_a_model_is_asked_in_the_form_of_chats_that_is_part_of_it(simulator: Simulator) -> None:
    form = ChatForm({"enable_thinking": False}, system_words="/no_think")
    asked = questions(1)
    thinking = ChatEngine(RemoteModel(MODEL, chat=form).respondent, MODEL, Endpoint(simulator.url), first_pause=PAUSE)
    assert all(isinstance(answer, Response) for answer in results(thinking, asked))
    assert list(simulator.counts()["answered"]) == [digests.of_value(body(asked[0], MODEL, {}, form))]


def test_an_answer_belongs_to_its_request(simulator: Simulator) -> None:
    asked = questions(30)
    together = results(engine(simulator), asked)
    alone = results(engine(simulator, **ONE_AT_A_TIME), asked)
    assert together == alone
    assert len({answer.text for answer in alone if isinstance(answer, Response)}) > 20


def test_a_reply_to_a_schema_fits_it(simulator: Simulator) -> None:
    schema = {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}, "required": ["verdict"]}
    [answer] = results(engine(simulator), [Request([{"role": "user", "content": "?"}], Sampling(0, 9), 1, schema)])
    assert isinstance(answer, Response)
    assert json.loads(answer.text)["verdict"] in ("yes", "no")


@pytest.mark.parametrize(
    ("fault", "details"),
    [
        ("status", {"status": 429, "code": "rate_limit_exceeded"}),
        ("status", {"status": 429, "retry_after": 0}),
        ("status", {"status": 500}),
        ("status", {"status": 503, "message": "overloaded"}),
        ("status", {"status": 408}),
        ("drop", {}),
        ("drop", {"carried_out": True}),
        ("truncate", {}),
        ("truncate", {"broken_off": True}),
        ("no_choices", {}),
        ("no_usage", {}),
    ],
)
def test_a_passing_fault_is_outlasted(simulator: Simulator, fault: str, details: dict[str, Any]) -> None:
    expected = result(simulator)
    simulator.order(CHAT, fault, times=2, **details)
    assert result(simulator) == expected
    assert isinstance(expected, Response)
    assert simulator.counts()["chat_received"] == 1 + 2 + 1


def test_a_call_without_a_reply_is_made_again(simulator: Simulator) -> None:
    simulator.order(CHAT, "hang", seconds=60)
    assert isinstance(result(simulator, timeout_seconds=1), Response)
    assert simulator.counts()["chat_received"] == 2


def test_a_slow_reply_is_waited_for(simulator: Simulator) -> None:
    simulator.order(CHAT, "slow", seconds=0.5)
    assert isinstance(result(simulator), Response)
    assert simulator.counts()["chat_received"] == 1


def test_a_rejected_call_waits_as_long_as_it_is_told(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", status=429, retry_after=1.2)
    started = time.monotonic()
    assert isinstance(result(simulator), Response)
    assert time.monotonic() - started >= 1.2


def test_rejections_outnumber_faults_before_a_call_is_given_up(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", times=FAULTS_IN_A_ROW + 5, status=429, retry_after=0)
    assert isinstance(result(simulator), Response)


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"retry_after": 7200, "message": "come back later"}, r"come back later\. .*; wait until \d{4}-.* UTC and run"),
        ({"message": "50 requests per day"}, r"at \d{4}-\d\d-\d\d \d\d:\d\d UTC: 50 requests per day\. Answered rows"),
    ],
)
def test_a_wait_of_hours_is_not_begun_and_its_end_is_told(
    simulator: Simulator, tmp_path: Path, details: dict[str, Any], told: str
) -> None:
    simulator.order(CHAT, "slow", times=3, seconds=0)
    simulator.order(CHAT, "status", times=100, status=429, **details)
    ledger = Ledger(tmp_path / "ledger")
    with pytest.raises(UserError, match=told):
        ask(questions(30), engine(simulator, **ONE_AT_A_TIME), ledger)
    assert simulator.counts()["chat_received"] == 4
    simulator.clear()
    assert ask(questions(30), engine(simulator), ledger).new == 27


@pytest.mark.parametrize(
    ("fault", "details", "reason"),
    [
        ("status", {"status": 500, "message": "down"}, "status 500: down"),
        ("drop", {}, "APIConnectionError: Connection error. "),
        ("truncate", {}, "InvalidReply: http"),
        ("no_choices", {}, "InvalidReply: a reply without choices"),
        ("no_usage", {}, "InvalidReply: a reply with None as a count of tokens"),
    ],
)
def test_a_lasting_fault_is_the_rows_failure(
    simulator: Simulator, fault: str, details: dict[str, Any], reason: str
) -> None:
    simulator.order(CHAT, fault, times=FAULTS_IN_A_ROW, **details)
    failed, answered = results(engine(simulator, **ONE_AT_A_TIME), questions(2))
    assert isinstance(failed, Failure)
    assert failed.reason.startswith(reason)
    assert isinstance(answered, Response)
    assert simulator.counts()["chat_received"] == FAULTS_IN_A_ROW + 1


def test_a_request_that_is_refused_is_not_made_again(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", status=400, message="prompt too long")
    assert result(simulator) == Unanswerable("status 400: prompt too long", own=True)
    assert simulator.counts()["chat_received"] == 1


def test_a_text_that_no_request_can_hold_is_its_rows_failure(simulator: Simulator) -> None:
    [failed] = results(engine(simulator), [Request([{"role": "user", "content": "\ud800"}], Sampling(0, 9), 1)])
    assert isinstance(failed, Failure)
    assert failed.reason.startswith("UnicodeEncodeError")
    assert simulator.counts()["chat_received"] == 0


@pytest.mark.parametrize("fault", ["content_filter", "length"])
def test_a_withheld_or_cut_reply_is_an_answer(simulator: Simulator, fault: str) -> None:
    simulator.order(CHAT, fault)
    answer = result(simulator)
    assert isinstance(answer, Response)
    assert answer.finish_reason == fault
    assert simulator.counts()["chat_received"] == 1


def test_a_filtered_prompt_is_an_answer_without_text(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", status=400, code="content_filter")
    assert result(simulator) == Response("", "content_filter", 0, 0, reason="as ordered")


@pytest.mark.parametrize(
    ("fault", "details", "told"),
    [
        ("wrong_model", {}, "asked for the model simulated and 'another-model' replied"),
        ("status", {"status": 403, "message": "no access"}, "status 403: no access"),
        ("status", {"status": 429, "code": "insufficient_quota", "message": "no money"}, "status 429: no money"),
    ],
)
def test_what_is_wrong_with_all_rows_stops_the_run(
    simulator: Simulator, fault: str, details: dict[str, Any], told: str
) -> None:
    simulator.order(CHAT, fault, **details)
    with pytest.raises(UserError, match=told):
        results(engine(simulator, **ONE_AT_A_TIME), questions(10))
    assert simulator.counts()["chat_received"] == 1


def test_an_unknown_model_stops_the_run(simulator: Simulator) -> None:
    with pytest.raises(UserError, match="status 404: The model `unknown-model` does not exist"):
        results(engine(simulator, "unknown-model", **ONE_AT_A_TIME), questions(10))
    assert simulator.counts()["chat_received"] == 1


def test_the_wrong_key_stops_the_run_and_is_told_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with caplog.at_level(logging.DEBUG), Simulator.start(tmp_path, key="sk-another") as simulator:
        with pytest.raises(UserError, match=r"status 401: Incorrect API key provided: \[key\]") as stop:
            ask(questions(10), engine(simulator, key="TEST_KEY"), Ledger(tmp_path / "ledger"))
        assert simulator.counts()["authorization"] == [f"Bearer {KEY}"]
    told = "".join(traceback.format_exception(stop.value)) + caplog.text + "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in told
    assert KEY.encode() not in written


def test_the_right_key_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with Simulator.start(tmp_path, key=KEY) as simulator:
        assert isinstance(result(simulator, key="TEST_KEY"), Response)


def test_an_endpoint_that_is_out_of_order_stops_the_run(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", times=1000, status=400, message="broken")
    with pytest.raises(UserError, match=f"failed {FAILURES_IN_A_ROW} calls in a row, the last with status 400: broken"):
        results(engine(simulator, **ONE_AT_A_TIME), questions(100))
    assert simulator.counts()["chat_received"] == FAILURES_IN_A_ROW


def test_an_answer_between_failures_lets_the_run_go_on(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", times=FAILURES_IN_A_ROW - 1, status=400)
    simulator.order(CHAT, "slow", seconds=0)
    simulator.order(CHAT, "status", times=FAILURES_IN_A_ROW - 1, status=400)
    assert len(results(engine(simulator, **ONE_AT_A_TIME), questions(50))) == 50


def test_answers_on_their_way_are_kept_when_the_run_stops(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set(latency=0.5)
    simulator.order(CHAT, "status", status=403)
    simulator.order(CHAT, "status", times=2, status=429, retry_after=600)
    ledger, asked = Ledger(tmp_path / "ledger"), questions(40)
    started = time.monotonic()
    with pytest.raises(UserError, match="status 403"):
        ask(asked, engine(simulator, max_concurrency=20), ledger)
    # The calls that were told to wait ten minutes are given up.
    assert time.monotonic() - started < 300
    counts = simulator.counts()
    respondent = RemoteModel(MODEL).respondent
    kept = ledger.responses(respondent, {request.key(respondent) for request in asked})
    assert 0 < counts["chat"] == len(kept)

    ask(asked, engine(simulator), ledger)
    assert set(simulator.counts()["answered"].values()) == {1}


def test_answers_on_their_way_are_kept_when_the_requests_break_off(simulator: Simulator) -> None:
    simulator.set(latency=0.2)

    def requests() -> Iterator[Request]:
        yield from questions(5)
        raise UserError("the file of prompts is torn")

    answers = []
    with pytest.raises(UserError, match="torn"):
        for answer in engine(simulator).answer(requests()):
            answers.append(answer)
    assert len(answers) == 5


def test_a_reader_who_leaves_gives_up_the_calls_on_their_way(simulator: Simulator) -> None:
    simulator.set(latency=0.2)
    simulator.order(CHAT, "hang", times=5, seconds=600)
    answers = engine(simulator).answer(questions(100))
    next(answers)
    answers.close()  # type: ignore[attr-defined]


def test_requests_are_taken_when_there_is_room_for_them(simulator: Simulator) -> None:
    taken = 0

    def requests() -> Iterator[Request]:
        nonlocal taken
        for request in questions(100):
            taken += 1
            yield request

    for answered, _ in enumerate(engine(simulator, max_concurrency=7).answer(requests())):
        assert taken <= answered + 2 * 7
    assert taken == 100
    assert simulator.counts()["most_in_flight"] <= 7


def test_the_budget_ends_the_asking_and_keeps_what_was_answered(simulator: Simulator, tmp_path: Path) -> None:
    prices = Prices(1000.0, 1000.0)
    budget = Budget(10 * prices.most(questions(1)[0]), tmp_path / "spending" / "job.json")
    ledger = Ledger(tmp_path / "ledger")
    with pytest.raises(UserError, match="budget"):
        ask(questions(2000), engine(simulator), ledger, prices=prices, budget=budget)
    counts = simulator.counts()
    assert 10 <= counts["chat"] < 2000
    assert len(list(ledger.folder.rglob("*.answers.jsonl"))) == 1


def test_a_limit_that_nobody_told_is_found(simulator: Simulator) -> None:
    simulator.set(latency=0.05, in_flight_limit=16)
    answers = results(engine(simulator), questions(400))
    counts = simulator.counts()
    assert all(isinstance(answer, Response) for answer in answers)
    assert counts["most_in_flight"] == 16
    assert 0 < counts["chat_rejected"] < 100
    assert set(counts["answered"].values()) == {1}


def test_a_rejected_call_comes_back_when_there_is_room_for_it(simulator: Simulator) -> None:
    simulator.set(latency=1.0, in_flight_limit=4)
    results(engine(simulator), questions(16))
    # Four of the first eight, and hardly any after that, though a hundred pauses fit into the time of a call.
    assert 4 <= simulator.counts()["chat_rejected"] <= 12


def test_a_minute_sees_no_more_calls_than_its_ceiling(simulator: Simulator) -> None:
    started = time.monotonic()
    results(engine(simulator, requests_per_minute=600), questions(11))
    assert time.monotonic() - started >= 1.0


def test_a_call_that_is_made_again_counts_towards_the_ceiling(simulator: Simulator) -> None:
    simulator.order(CHAT, "status", times=5, status=500)
    started = time.monotonic()
    results(engine(simulator, requests_per_minute=600), questions(6))
    assert time.monotonic() - started >= 1.0


def test_a_minute_sees_no_more_tokens_than_its_ceiling(simulator: Simulator) -> None:
    # A question of 11 bytes counts as 15 tokens and its reply as 24: eleven of them need 10 times 39 after the first.
    started = time.monotonic()
    results(engine(simulator, tokens_per_minute=39 * 600), questions(10))
    assert time.monotonic() - started >= 0.9


def test_faults_at_random_cost_no_row_and_none_twice(simulator: Simulator, tmp_path: Path) -> None:
    faults: list[tuple[str, dict[str, Any]]] = [
        ("status", {"status": 429}),
        ("status", {"status": 429, "retry_after": 0.05}),
        ("status", {"status": 500}),
        ("status", {"status": 503}),
        ("drop", {}),
        ("truncate", {}),
        ("no_choices", {}),
        ("slow", {"seconds": 0.05}),
    ]
    choose = random.Random(1)
    for _ in range(60):
        fault, details = choose.choice(faults)
        simulator.order(CHAT, fault, **details)
        simulator.order(CHAT, "slow", times=choose.randint(1, 4), seconds=0.001)
    receipt = ask(questions(300), engine(simulator), Ledger(tmp_path / "ledger"))
    assert receipt.answers == receipt.new == 300
    assert sorted(simulator.counts()["answered"].values()) == [1] * 300


def test_a_call_is_given_up_after_an_hour_of_rejections(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "LONGEST_WAIT", 0.3)
    simulator.order(CHAT, "status", times=1000, status=429, retry_after=0.1, message="too fast")
    with pytest.raises(UserError, match=r"takes no more calls for now, .* too fast\. .* run again"):
        result(simulator)


def nobody_at(port: int, **limits: Any) -> ChatEngine:
    return ChatEngine(RemoteModel(MODEL).respondent, MODEL, Endpoint(f"http://127.0.0.1:{port}/v1", **limits), PAUSE)


def test_a_server_that_is_not_up_is_told_at_once_and_given_up_after_the_wait(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    ledger, progress = Ledger(tmp_path / "ledger"), Progress(40, "job")
    started = time.monotonic()
    told = rf"http://127\.0\.0\.1:{port}/v1 cannot be reached .* for 1 seconds\. Start the server, or correct `url`"
    with pytest.raises(UserError, match=told):
        ask(questions(40), nobody_at(port, wait_seconds=1.0), ledger, progress=progress)
    assert 1.0 <= time.monotonic() - started < 30.0
    assert f"http://127.0.0.1:{port}/v1 cannot be reached: waiting for it for up to 1 seconds" in capfd.readouterr().err
    assert not list(ledger.folder.rglob("*.answers.jsonl"))


def test_a_server_that_comes_up_in_time_is_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    simulators: list[Simulator] = []

    def come_up() -> None:
        simulators.append(Simulator.start(tmp_path, port=port))

    starting = threading.Timer(1.0, come_up)
    starting.start()
    try:
        answers = results(nobody_at(port), questions(40))
    finally:
        starting.join()
        for simulator in simulators:
            simulator.close()
    assert all(isinstance(answer, Response) for answer in answers)
    assert capfd.readouterr().err.count("cannot be reached") == 1


def test_rows_that_failed_are_not_counted_as_done(simulator: Simulator, tmp_path: Path) -> None:
    class Counting(Progress):
        rows = 0

        def answered(self, usd: float) -> None:
            self.rows += 1

    progress = Counting(3, "job")
    simulator.order(CHAT, "no_choices", times=FAULTS_IN_A_ROW)
    with pytest.raises(UserError, match=r"1 requests .* failed"):
        ask(questions(3), engine(simulator, **ONE_AT_A_TIME), Ledger(tmp_path / "ledger"), progress=progress)
    assert progress.rows == 2
