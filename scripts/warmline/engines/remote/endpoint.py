"""An OpenAI-compatible endpoint: how to reach it, and what a request becomes there.

The key is read from the environment when a client is made. It is in no configuration, file or message: whatever an
endpoint says is scrubbed of it before it is raised or recorded.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from warmline.calls.parameters import applied
from warmline.calls.requests import Request
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import PLAIN, ChatForm

SEED_BITS = 31
CONNECT_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where models answer. `key` names the environment variable that holds the key; None for a server without one.

    The limits are ceilings for one job; without them the number of calls on their way adapts by itself. `parameters`
    are what warmline.calls.parameters says. A reply's name of the model may have `model_prefix` before the name that
    was asked for, or lack it. A server that refuses connections is waited for `wait_seconds`. The tokens of prompt and
    reply together are at most `context_length`, where that is known.
    """

    url: str
    key: str | None = None
    mode: str = "chat"
    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    timeout_seconds: float = 600.0
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    model_prefix: str = ""
    wait_seconds: float = 300.0
    context_length: int | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Endpoint:
        """An endpoint as the configuration writes it. Its `identity` says who answers, which cards hold."""
        return cls(**{name.replace("-", "_"): value for name, value in values.items() if name != "identity"})

    def client(self, transport: httpx2.AsyncBaseTransport | None = None) -> openai.AsyncOpenAI:
        """A client for this endpoint, over httpx2's own transport or another.

        Raises UserError if the key's variable is not set or can be no key.
        """
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
                # How many there are is the engine's, too. With each call httpx2 looks at all that are idle.
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
                transport=transport,
            ),
        )

    @property
    def _secret(self) -> str:
        # A key read from a file often comes with a line feed, which no header may hold.
        return os.environ.get(self.key or "", "").strip()

    def scrub(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self._secret, "[key]") if self._secret else text


def body(request: Request, model: str, parameters: Mapping[str, Any], form: ChatForm = PLAIN) -> dict[str, Any]:
    """A request as the chat completions endpoint takes it, with the endpoint's own `parameters`."""
    sampling = request.sampling
    values: dict[str, Any] = {
        "model": model,
        "messages": form.messages(request.messages),
        "max_completion_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        # Also where it is 1: servers take what is left out from the model's own settings.
        "top_p": sampling.top_p,
    }
    if form.chat_template_kwargs:
        values["chat_template_kwargs"] = form.chat_template_kwargs
    if sampling.temperature > 0:
        # Servers read seeds as signed integers of various widths; 31 bits are safe in all.
        values["seed"] = request.seed & (2**SEED_BITS - 1)
    if request.schema:
        schema = {"name": "reply", "strict": True, "schema": dict(request.schema)}
        values["response_format"] = {"type": "json_schema", "json_schema": schema}
    return applied(values, parameters)
