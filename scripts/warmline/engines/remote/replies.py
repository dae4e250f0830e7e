"""What a reply with status 200 means, also where a server says less, or other things, than the API does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from warmline.calls.requests import Request, Response, Unanswerable
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.faults import InvalidReply, WebPage, is_page, status_in
from warmline.lineage.errors import UserError

# A family's name is answered by one of its snapshots, which end in a date, such as -2024-08-06, -20240806 or -0613; a
# repository's by one of its revisions, such as @main.
SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})|@[\w./-]+")
COMPLETE = ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "completed")
CUT = ("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length")
WITHHELD = (
    *("content_filter", "content_filtered", "safety", "image_safety", "recitation", "blocklist", "prohibited_content"),
    *("spii", "language", "sensitive", "moderation", "guardrail_intervened", "refusal"),
)
BROKEN_OFF = (
    *("error", "abort", "aborted", "cancelled", "canceled", "timeout", "network_error"),
    *("insufficient_system_resource", "malformed_function_call", "unexpected_tool_call"),
)
NOT_SAID = "not said"
# Tokenizers of a server and of its billing may differ, and some count the end of a turn apart.
TOKENS_BEYOND = 16
MOST_TOKENS = 10**8
SHOWN = 200


def completion_in(reply: httpx2.Response, endpoint: Endpoint) -> dict[str, Any]:
    """The JSON object that a reply with status 200 holds.

    Raises WebPage or InvalidReply if there is none, and openai.APIStatusError if it is an error's, with its status.
    """
    try:
        completion: Any = reply.json()
    except (ValueError, RecursionError) as error:
        kind = reply.headers.get("content-type", "").partition(";")[0] or "without a type"
        found = f"{reply.request.url} answered with status {reply.status_code} and no JSON ({kind}): "
        shown = repr(endpoint.scrub(reply.text.strip())[:SHOWN])
        raise (WebPage if is_page(reply.text) else InvalidReply)(found + shown) from error
    if not isinstance(completion, dict):
        raise InvalidReply("a reply that is no JSON object")
    if fault := completion.get("error"):
        if (status := status_in(fault)) is None:
            raise InvalidReply(f"a reply with an error: {fault}")
        stated = httpx2.Response(status, headers=reply.headers, request=reply.request)
        raise openai.APIStatusError(str(fault), response=stated, body=fault)
    return completion


def response(
    completion: Mapping[str, Any], request: Request, model: str, endpoint: Endpoint
) -> Response | Unanswerable:
    """The response in a chat completion, as JSON; Unanswerable if the model cannot have read the whole prompt.

    Raises InvalidReply if it holds no choice or no token counts, or was broken off; and UserError if another model
    replied, or with more tokens than were asked for.
    """
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise InvalidReply(f"a reply without choices: {endpoint.scrub(str(dict(completion)))[:SHOWN]}")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise InvalidReply(f"a reply without a message: {endpoint.scrub(str(dict(choice)))[:SHOWN]}")
    replied = completion.get("model")
    prefix = endpoint.model_prefix
    if not isinstance(replied, str) or not is_same_model(model.removeprefix(prefix), replied.removeprefix(prefix)):
        raise UserError(
            f"the endpoint was asked for the model {model} and {replied!r} replied. Put the name of the model that is "
            "to answer into `name`; if a gateway only puts something before it, put that into the endpoint's "
            "`model-prefix`."
        )
    text, finish_reason = _text(message.get("content")), finished(choice.get("finish_reason"))
    if refusal := message.get("refusal") or _declined(message.get("content")):
        text, finish_reason = _string(refusal), "refusal"
    if choice.get("error") or finish_reason in BROKEN_OFF:
        raise InvalidReply(f"a reply that was broken off ({finish_reason}): {choice.get('error') or ''}")
    prompt_tokens, completion_tokens = _tokens(completion.get("usage"), withheld=finish_reason == "content_filter")
    limit = request.sampling.max_new_tokens
    if completion_tokens > limit + TOKENS_BEYOND:
        raise UserError(
            f"{endpoint.url} was asked for {limit} tokens at most and replied with {completion_tokens}: it does not "
            "apply the limit. Under `parameters` of this endpoint, say what it calls the limit: "
            "`max_completion_tokens: max_tokens`."
        )
    context = endpoint.context_length
    if context is not None and prompt_tokens + limit > context:
        reason = f"prompt and reply may take {prompt_tokens + limit} tokens, the model takes {context}"
        return Unanswerable(reason, own=True)
    fingerprint = completion.get("system_fingerprint")
    return Response(
        text=text.strip(),
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        served_by=f"{replied} {fingerprint}" if fingerprint else replied,
    )


def finished(reason: object) -> str:
    """How a reply ended, in the words of warmline.calls.requests; a reason that is not known stays as it is."""
    said = str(reason or NOT_SAID)
    known = said.lower()
    for ours, theirs in (("stop", COMPLETE), ("length", CUT), ("content_filter", WITHHELD)):
        if known in theirs:
            return ours
    return known if known in BROKEN_OFF else said


def is_same_model(asked: str, replied: str) -> bool:
    """Whether a reply comes from the model asked for, or from a dated snapshot of it."""
    return replied.startswith(asked) and (replied == asked or bool(SNAPSHOT.fullmatch(replied, len(asked))))


def _text(content: object) -> str:
    """A message's text: of a list of parts those of text, and so without thoughts, pictures and sound."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise InvalidReply(f"a reply whose content is {type(content).__name__}")
    if odd := [part for part in content if not isinstance(part, str | Mapping)]:
        raise InvalidReply(f"a reply with a part that is {type(odd[0]).__name__}")
    return "".join(
        part if isinstance(part, str) else _string(part.get("text") or "")
        for part in content
        if isinstance(part, str) or part.get("type") in (None, "text", "output_text")
    )


def _declined(content: object) -> object:
    """What the parts of a message say as a refusal; empty if there is none."""
    parts = content if isinstance(content, list) else []
    return "".join(_string(part.get("refusal") or "") for part in parts if isinstance(part, Mapping))


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidReply(f"a reply whose text is {type(text).__name__}")
    return text


def _tokens(usage: object, withheld: bool) -> tuple[int, int]:
    """The tokens of prompt and reply. What was withheld may lack a count, which is then 0."""
    counts = usage if isinstance(usage, Mapping) else {}
    prompt, completion = counts.get("prompt_tokens") or 0, counts.get("completion_tokens")
    if completion is None and withheld:
        completion = 0
    return _count(prompt), _count(completion)


def _count(tokens: object) -> int:
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 0 <= tokens <= MOST_TOKENS:
        raise InvalidReply(f"a reply with {str(tokens)[:SHOWN]} as a count of tokens")
    return tokens
