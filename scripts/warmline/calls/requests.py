"""What is asked of a model, what it responds, and the key under which both are kept.

A key is the SHA-256 over exactly what determines a response: the respondent (engine kind; weights, adapter, precision
and quantization, or a remote model's name), the rendered messages, the sampling parameters, the row's seed and the
schema that the reply must follow. How a request is carried out (endpoint, concurrency, retries, batch size, paths,
times) is not in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from warmline.lineage import digests

Messages = list[dict[str, str]]
"""Chat messages in order, each with `role` (system, user or assistant) and `content`."""

Respondent = Mapping[str, Any]
"""Who responds, in identifying terms only: `engine`; `weights`, `adapter`, `precision` and, where they are loaded in
fewer bits, `quantization`; or a remote `model`."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the likeliest token; `top_p` 1 keeps the whole vocabulary."""

    temperature: float
    max_new_tokens: int
    top_p: float = 1.0

    def identity(self) -> dict[str, Any]:
        """The required fields and those that differ from their default: a new option changes no old key."""
        # As the command line reads them: 1 and 1.0 are one temperature.
        values = vars(self) | {"temperature": float(self.temperature), "top_p": float(self.top_p)}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value != defaults[name]}


@dataclasses.dataclass(frozen=True)
class Request:
    """One question to a model.

    `seed` names the row's own random numbers (rule 7) and matters only when sampling. `schema` is the JSON schema that
    the endpoint must make the reply follow; None for free text.
    """

    messages: Messages
    sampling: Sampling
    seed: int
    schema: Mapping[str, Any] | None = None

    def as_record(self) -> dict[str, Any]:
        """The request as JSON values. A greedy request has no seed: reseeding a study asks nothing greedy anew."""
        seed = self.seed if self.sampling.temperature > 0 else None
        record = {"messages": self.messages, "sampling": self.sampling.identity(), "seed": seed}
        # Absent rather than null: requests for free text keep the keys they had before there were schemas.
        return record | ({"schema": dict(self.schema)} if self.schema else {})

    def key(self, respondent: Respondent) -> str:
        """The ledger key of this request to this respondent: 64 hexadecimal digits."""
        return digests.of_value({"respondent": dict(respondent), **self.as_record()})


@dataclasses.dataclass(frozen=True)
class Response:
    """A model's reply.

    `finish_reason` is `stop`; `length` if the reply was cut at `max_new_tokens`; `content_filter` if the endpoint
    withheld it; `refusal` if a model bound to a schema declined in free text. `served_by` is what the endpoint says of
    itself: the name of the model that replied and its system fingerprint.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    served_by: str | None = None


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a request got no response. Failures are recorded, never served as answers, and asked again next time."""

    reason: str
