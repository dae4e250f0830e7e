"""What is asked of a model, what it responds, and the key under which both are kept.

A key is the SHA-256 over exactly what determines a response: the respondent (engine kind; weights, adapter, precision
and quantization, or a remote model's name), the rendered messages, the sampling parameters, the row's seed and the
schema that the reply must follow. How a request is carried out (endpoint, concurrency, retries, batch size, paths,
times) is not in it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from warmline.lineage import digests

Messages = list[dict[str, str]]
"""Chat messages in order, each with `role` (system, user or assistant) and `content`."""

Respondent = Mapping[str, Any]
"""Who responds, in identifying terms only: `engine`; `weights`, `adapter`, `precision` and, where they are loaded in
fewer bits, `quantization`; or a remote `model`."""

_quoted = json.encoder.encode_basestring

UNANSWERABLE = "unanswerable"
"""The `finish_reason` of a request that will get no reply however often it is asked."""


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
        # On its way a request is asked for its key several times.
        made: tuple[Respondent, str] | None = self.__dict__.get("_made")
        if made is None or made[0] != respondent:
            made = respondent, self._key(respondent)
            self.__dict__["_made"] = made
        return made[1]

    def _key(self, respondent: Respondent) -> str:
        # The canonical JSON of the respondent and the record, a third as long in the making.
        messages = ",".join(
            f'{{"content":{_quoted(message["content"])},"role":{_quoted(message["role"])}}}'
            for message in self.messages
        )
        schema = f',"schema":{digests.canonical_json(dict(self.schema))}' if self.schema else ""
        seed = self.seed if self.sampling.temperature > 0 else "null"
        return digests.of_text(
            f'{{"messages":[{messages}],"respondent":{digests.canonical_json(dict(respondent))},'
            f'"sampling":{_identity(self.sampling)}{schema},"seed":{seed}}}'
        )


@functools.cache
def _identity(sampling: Sampling) -> str:
    return digests.canonical_json(sampling.identity())


@dataclasses.dataclass(frozen=True)
class Response:
    """What became of a request for good: a model's reply, or that there will be none.

    `finish_reason` is `stop`; `length` if the reply was cut at `max_new_tokens`; `content_filter` if the endpoint
    withheld or cut it; `refusal` if a model bound to a schema declined in free text; `unanswerable` if asking again
    will not change that there is no reply; anything else as the endpoint said it. `served_by` is what the endpoint says
    of itself: the name of the model that replied and its system fingerprint. `reason` is what it says of a reply that
    it withheld. Half a surrogate, which JSON can carry and no file can, is U+FFFD.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    served_by: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        for name in ("text", "finish_reason", "served_by", "reason"):
            if value := getattr(self, name):
                object.__setattr__(self, name, storable(value))

    def as_record(self) -> dict[str, Any]:
        """The response as JSON values, without a reason where there is none, as before there were reasons."""
        values = dataclasses.asdict(self)
        return values if self.reason else {name: value for name, value in values.items() if name != "reason"}


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a request got no response. Failures are recorded, never served as answers, and asked again next time."""

    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", storable(self.reason))


@dataclasses.dataclass(frozen=True)
class Unanswerable:
    """Why a request was turned down in a way that asking again will not change.

    `own` says whether the reason is this request's own, such as its length or what it speaks of. Otherwise it may be
    something that all requests share, such as a parameter that the endpoint does not take.
    """

    reason: str
    own: bool


Outcome = Response | Failure | Unanswerable
"""What an engine makes of a request."""


def storable(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair that stands alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
