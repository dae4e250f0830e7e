"""The openai engine against a server that is not ours, which also judges how its clients behave."""

from __future__ import annotations

import json
from collections.abc import Iterator

import llmock_server
import pytest

from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.models.cards import RemoteModel

MODEL = "gpt-4o"


@pytest.fixture(scope="module")
def server() -> Iterator[llmock_server.Llmock]:
    with llmock_server.running("--rpm", "60") as running:
        yield running


@pytest.fixture
def engine(server: llmock_server.Llmock) -> ChatEngine:
    server.reset()
    return ChatEngine(RemoteModel(MODEL).respondent, MODEL, Endpoint(server.url), first_pause=0.1)


def question(text: str) -> Request:
    return Request([{"role": "user", "content": text}], Sampling(0.8, 24), seed=7)


def responses(engine: ChatEngine, requests: list[Request]) -> list[Response]:
    found = [result for _, result in engine.answer(requests)]
    return [result for result in found if isinstance(result, Response)]


def test_another_server_answers(engine: ChatEngine, server: llmock_server.Llmock) -> None:
    server.behave({"type": "reply", "text": "Good day."})
    [response] = responses(engine, [question("Hello")])
    assert (response.text, response.finish_reason, response.served_by) == ("Good day.", "stop", MODEL)


def test_another_server_follows_the_schema(engine: ChatEngine) -> None:
    verdict = {"type": "string", "enum": ["yes", "no"]}
    schema = {
        "type": "object",
        "properties": {"verdict": verdict},
        "required": ["verdict"],
        "additionalProperties": False,
    }
    [response] = responses(engine, [Request([{"role": "user", "content": "?"}], Sampling(0, 24), 7, schema)])
    assert json.loads(response.text)["verdict"] in verdict["enum"]


def test_another_server_finds_nothing_wrong_with_how_faults_are_met(
    engine: ChatEngine, server: llmock_server.Llmock
) -> None:
    server.behave(
        {"type": "fail", "status": 429, "retry_after": 1, "times": 2},
        {"type": "fail", "status": 503, "times": 2},
        {"type": "fail", "status": 400},
    )
    # More calls than its quota of a minute lets through at once: what is over is told how long to wait.
    answered = responses(engine, [question(f"Question {row}?") for row in range(62)])
    verdict = server.report("verdict")
    assert len(answered) == 61
    assert verdict["faults_injected"] >= 5
    assert verdict["findings"] == []
