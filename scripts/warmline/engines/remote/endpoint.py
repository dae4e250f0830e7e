"""An OpenAI-compatible endpoint: how to reach it, what a request becomes there, and what its replies and errors mean.

The key is read from the environment when a client is made. It is in no configuration, file or message: whatever an
endpoint says is scrubbed of it before it is raised or recorded.
"""

from __future__ import annotations

import dataclasses
import email.utils
import os
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from warmline.calls.requests import Failure, Request, Response
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import PLAIN, ChatForm

SEED_BITS = 31
CONNECT_SECONDS = 30.0
STOPPING_STATUS = {401, 402, 403, 404}
TRANSIENT_STATUS = {408, 409, 429}
OVERLOAD_STATUS = {503, 529}
NO_MONEY = "insufficient_quota"
FILTER_CODES = {"content_filter", "content_policy_violation"}
# A family's name is answered by one of its snapshots, which end in a date, such as -2024-08-06, -20240806 or -0613.
SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})")


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where models answer. `key` names the environment variable that holds the key; None for a server without one.

    The limits are ceilings for one job; without them the number of calls on their way adapts by itself.
    """

    url: str
    key: str | None = None
    mode: str = "chat"
    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    timeout_seconds: float = 600.0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Endpoint:
        """An endpoint as the configuration writes it."""
        return cls(**{name.replace("-", "_"): value for name, value in values.items()})

    def client(self) -> openai.AsyncOpenAI:
        """A client for this endpoint. Raises UserError if the key's variable is not set or can be no key."""
        if self.key and not self._secret:
            raise UserError(
                f"the environment variable {self.key} is not set; it must hold the key for {self.url}. Set it and "
                "run again."
            )
        if not (self._secret.isascii() and self._secret.isprintable()):
            # Here rather than at the first call, whose error would spell the key out.
            raise UserError(
                f"the environment variable {self.key} holds characters that no key has, such as a line feed within. "
                "Set it to the key alone and run again."
            )
        return openai.AsyncOpenAI(
            base_url=self.url,
            api_key=self._secret or "none",
            # Retries are the engine's, which must see every rejection to set its pace.
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=openai.Timeout(self.timeout_seconds, connect=min(self.timeout_seconds, CONNECT_SECONDS)),
                # How many there are is the engine's, too. With each call the client looks at all that are idle.
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            ),
        )

    @property
    def _secret(self) -> str:
        # A key read from a file often comes with a line feed, which no header may hold.
        return os.environ.get(self.key or "", "").strip()

    def scrub(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self._secret, "[key]") if self._secret else text


class InvalidReply(Exception):
    """A reply that is not what an endpoint of this kind sends; asking again may help."""


def body(request: Request, model: str, form: ChatForm = PLAIN) -> dict[str, Any]:
    """A request as the chat completions endpoint takes it."""
    sampling = request.sampling
    values: dict[str, Any] = {
        "model": model,
        "messages": form.messages(request.messages),
        "max_completion_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
    }
    if form.chat_template_kwargs:
        values["chat_template_kwargs"] = form.chat_template_kwargs
    if sampling.top_p < 1:
        values["top_p"] = sampling.top_p
    if sampling.temperature > 0:
        # Servers read seeds as signed integers of various widths; 31 bits are safe in all.
        values["seed"] = request.seed & (2**SEED_BITS - 1)
    if request.schema:
        schema = {"name": "reply", "strict": True, "schema": dict(request.schema)}
        values["response_format"] = {"type": "json_schema", "json_schema": schema}
    return values


def response(completion: Mapping[str, Any], model: str) -> Response:
    """The response in a chat completion, as JSON.

    Raises InvalidReply if it holds no choice or no token counts, and UserError if another model replied.
    """
    replied = completion.get("model")
    if not isinstance(replied, str) or not is_same_model(model, replied):
        raise UserError(
            f"the endpoint was asked for the model {model} and {replied!r} replied. Put the name of the model that is "
            "to answer into `name`."
        )
    choices, usage = completion.get("choices"), completion.get("usage")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise InvalidReply("a reply without choices")
    if not isinstance(usage, Mapping) or not isinstance(usage.get("completion_tokens"), int):
        raise InvalidReply("a reply without token counts")
    message = choices[0].get("message") or {}
    text, finish_reason = message.get("content"), choices[0].get("finish_reason")
    if refusal := message.get("refusal"):
        text, finish_reason = refusal, "refusal"
    fingerprint = completion.get("system_fingerprint")
    return Response(
        text=str(text or "").strip(),
        finish_reason=str(finish_reason or "stop"),
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=usage["completion_tokens"],
        served_by=f"{replied} {fingerprint}" if fingerprint else replied,
    )


def is_same_model(asked: str, replied: str) -> bool:
    """Whether a reply comes from the model asked for, or from a dated snapshot of it."""
    return replied.startswith(asked) and (replied == asked or bool(SNAPSHOT.fullmatch(replied, len(asked))))


def details(error: openai.APIStatusError) -> dict[str, Any]:
    """What an error reply says: `message`, and `code` and `type` where the endpoint gives them."""
    return dict(error.body) if isinstance(error.body, dict) else {"message": str(error.body or error.message)}


def is_transient(error: BaseException) -> bool:
    """Whether a call that ended so may get through when it is made again."""
    if isinstance(error, openai.APIStatusError):
        return (error.status_code in TRANSIENT_STATUS or error.status_code >= 500) and not _no_money(details(error))
    # What cannot be written into a request will not be the next time, and what cannot be read was cut.
    return isinstance(error, openai.APIError | httpx2.HTTPError | InvalidReply | ValueError) and not isinstance(
        error, UnicodeEncodeError
    )


def is_overload(error: BaseException) -> bool:
    """Whether a call that ended so says that there are too many."""
    overloaded = isinstance(error, openai.InternalServerError) and error.status_code in OVERLOAD_STATUS
    return overloaded or isinstance(error, openai.RateLimitError | openai.APITimeoutError)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an endpoint asks to wait, given as seconds, milliseconds or a date; None if it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            if (told := float(headers[name])) >= 0:
                return told / unit
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, OverflowError):
        return None


def rejected(status: int, error: Mapping[str, Any], endpoint: Endpoint) -> Response | Failure:
    """What an error reply that asking again will not change means for a row.

    Raises UserError where it means the same for every row: a wrong key, an unknown model, no money left.
    """
    code, message = error.get("code"), endpoint.scrub(str(error.get("message") or error))[:500]
    if status in STOPPING_STATUS or _no_money(error):
        raise UserError(f"{endpoint.url} refuses all calls, with status {status}: {message}")
    if code in FILTER_CODES:
        return Response("", "content_filter", 0, 0)
    return Failure(f"status {status}: {message}")


def _no_money(error: Mapping[str, Any]) -> bool:
    return NO_MONEY in (error.get("code"), error.get("type"))
