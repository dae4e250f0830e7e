"""Endpoints: the key is there, and one call goes through with the parameters of each kind of request."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from warmline.calls.parameters import deciding
from warmline.calls.requests import Request, Response, Sampling
from warmline.design.suites import QUESTIONS
from warmline.engines.remote import shutdown
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.grading import judge_replies
from warmline.lineage.errors import NotHere, UserError
from warmline.models.cards import RemoteModel
from warmline.models.chat_forms import of_endpoint
from warmline.preflight.findings import Finding, finding
from warmline.workflow.study import Study

MESSAGES = [{"role": "user", "content": "Name a river."}]
LIMIT = 16
BUSY = "status 5"
"""What the reason of a fault begins with that may pass."""


def keys(study: Study, models: list[str]) -> Iterator[Finding]:
    """A finding for each endpoint that a model is asked at: its key can be read. Nothing is sent."""
    for name in dict.fromkeys(study.config["models"][model].get("endpoint") for model in models):
        if name:
            yield finding(f"the key of {name}", functools.partial(_key, study.config["endpoints"][name]))


def calls(study: Study, models: list[str]) -> Iterator[Finding]:
    """A finding for each model at an endpoint and each thing that it is asked for. Every one is a call that costs."""
    for model in models:
        if "endpoint" in study.config["models"][model]:
            for purpose, request in requests(study, model).items():
                found = finding(f"{model} at its endpoint, {purpose}", functools.partial(call, study, model, request))
                yield dataclasses.replace(found, called=True)


def requests(study: Study, model: str) -> dict[str, Request]:
    """A short request of each kind that a model is sent, by what it is for."""
    config, found = study.config, {}
    if model in study.subjects:
        found["answers"] = _request(study.sampling()[QUESTIONS]["temperature"])
    if study.trained_personas and model == config["rewriting"]["model"]:
        found["rewriting"] = _request(config["rewriting"]["temperature"])
    if model == config["judge"].get("model"):
        schema = judge_replies.schema(judge_replies.GRADE) if config["judge"]["reply"] == "schema" else None
        found["judging"] = _request(config["judge"]["temperature"], schema)
    return found


def call(study: Study, model: str, request: Request) -> str:
    """Make one call, as a study's jobs make theirs.

    Raises UserError if it has no reply, or the model was shut down, and NotHere if the endpoint is busy.
    """
    settings = study.config["models"][model]
    configured = study.config["endpoints"][settings["endpoint"]]
    endpoint = dataclasses.replace(Endpoint.from_json(configured), wait_seconds=0.0)
    near = shutdown.soon(endpoint, settings["name"], study.config.get("shutdown-horizon-days", shutdown.HORIZON_DAYS))
    parameters = deciding(configured.get("parameters", {})) or None
    chat = of_endpoint(settings.get("thinking"), settings.get("system"))
    respondent = RemoteModel(settings["name"], parameters, configured.get("identity"), chat).respondent
    [(_, outcome)] = ChatEngine(respondent, settings["name"], endpoint, attempts=1).answer([request])
    if not isinstance(outcome, Response):
        busy = outcome.reason.startswith(BUSY)
        raise (NotHere if busy else UserError)(f"{endpoint.url} gives no reply: {outcome.reason}")
    tokens = f"a reply came, for {outcome.prompt_tokens} and {outcome.completion_tokens} tokens"
    return f"{tokens}; {shutdown.warning(settings['name'], near)}" if near else tokens


def _key(endpoint: Mapping[str, Any]) -> str:
    Endpoint.from_json(endpoint).client()
    return f"{endpoint['key']} is set" if "key" in endpoint else "none is needed"


def _request(temperature: float, schema: Mapping[str, Any] | None = None) -> Request:
    return Request(MESSAGES, Sampling(temperature, LIMIT), seed=1, schema=schema)
