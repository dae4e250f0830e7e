"""What an endpoint is sent beside the parameters of the API, or in their place: `parameters` of an endpoint.

max_completion_tokens: max_tokens    another name for what is sent
seed: null                           left out
top_k: 0                             sent as it stands
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LIMIT = "max_completion_tokens"
SENT = (LIMIT, "temperature", "top_p", "seed", "response_format")
"""What every request is sent with, by the API's own names."""

SWITCHES = "chat_template_kwargs"
OF_EVERY_REQUEST = ("model", "messages", "stream", "n", "logprobs", "tools", SWITCHES)
"""Names that mean something else in the API."""

# What plain sampling means by itself: whoever says so asks for nothing else.
_PLAIN = {
    "top_k": (0, -1),
    "min_p": (0,),
    "typical_p": (1,),
    "repetition_penalty": (1,),
    "repeat_penalty": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
}
# Left out, they leave the probabilities of replies as they are: the API's own top_p is 1.
_WITHOUT_EFFECT = ("seed", "top_p")


def applied(body: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request with an endpoint's own names and further values."""
    named = {parameters.get(name, name) if name in SENT else name: value for name, value in body.items()}
    named.pop(None, None)
    further = {name: value for name, value in parameters.items() if name not in SENT}
    # The study's own switches of a chat template stay what they are.
    if isinstance(further.get(SWITCHES), Mapping):
        further[SWITCHES] = {**further[SWITCHES], **named.get(SWITCHES, {})}
    return named | further


def problem(parameters: Mapping[str, Any]) -> str | None:
    """What is wrong with an endpoint's parameters taken together; None if nothing is."""
    renamed = [parameters[name] for name in SENT if parameters.get(name, name) not in (None, name)]
    further = [name for name in parameters if name not in SENT]
    for name in renamed:
        if name in (*SENT, *OF_EVERY_REQUEST):
            return f"{name} is what every request holds already, so nothing else can be sent under that name"
        if [*renamed, *further].count(name) > 1:
            return f"{name} would be sent twice"
    return None


def deciding(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of an endpoint's parameters that decide a reply, and so belong to its ledger key.

    Names decide nothing, nor does what plain sampling means by itself.
    """
    left_out = [name for name in SENT if name in parameters and parameters[name] is None]
    further = {name: value for name, value in parameters.items() if name not in SENT}
    return {name: None for name in left_out if name not in _WITHOUT_EFFECT} | {
        name: value for name, value in further.items() if value not in _PLAIN.get(name, ())
    }


def sent_names(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The key of `parameters` that decides on each name that an endpoint is sent."""
    renamed = {parameters.get(name, name): name for name in SENT if parameters.get(name, name)}
    return renamed | {name: name for name in parameters if name not in SENT}
