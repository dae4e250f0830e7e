"""What an endpoint's errors mean: for the call, which may be made again; for its row; or for all rows."""

from __future__ import annotations

import email.utils
import html
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from warmline.calls import parameters
from warmline.calls.requests import Failure, Outcome, Response, Unanswerable
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage.errors import UserError

REMEDIES = {
    401: "Check the key in the variable that `key` names.",
    402: "Pay in at the endpoint.",
    403: "Check what the key may do, and the model's `name`.",
    404: "Check `url`, which usually ends in /v1, and the model's `name`.",
}
"""What to do about the statuses that mean the same for every row."""
TRANSIENT_STATUS = {408, 409, 429}
OVERLOAD_STATUS = {429, 503, 529}
NO_MONEY = "insufficient_quota"
LONGEST_TOLD = 366 * 24 * 3600
"""Seconds that an endpoint may ask to wait and be believed."""
FILTER_CODES = {"content_filter", "content_policy_violation"}
SHOWN = 500
SHORT_WAIT = 600
"""Seconds. Whoever asks for less does not speak of a day's quota."""

OF_REQUESTS = ("context_length_exceeded", "string_above_max_length", "invalid_prompt", *sorted(FILTER_CODES))
"""Codes that come with status 400."""

# What servers say of a request itself. They agree on no code for it.
_TOO_LONG = re.compile(
    r"context[ _-](?:length|window|size)|max(?:imum)?[ _](?:model|sequence|input|prompt|context)[ _]len|too many tokens"
    r"|(?:prompt|input|request|messages?|content) (?:is |are |was )?too (?:long|large)|string_above_max_length"
    r"|longer than the (?:maximum|model)|exceeds? .{0,60}\btokens",
    re.IGNORECASE,
)
_MODERATED = re.compile(
    r"invalid_prompt|moderation|content[ _](?:policy|filter|management)|usage polic|prohibited content"
    r"|\b(?:input|prompt|request|message|content)\b.{0,40}\b(?:flagged|unsafe)|safety (?:reasons|system|policy)",
    re.IGNORECASE,
)
# A firewall says so too, of all requests, but then with another status than 400 or 422.
_BLOCKED = re.compile(r"\b(?:input|prompt|request|message|content)\b.{0,40}\bblocked", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"not (?:exist|found|a valid|available|supported|accessible)|no such|unknown|invalid model|unrecognized",
    re.IGNORECASE,
)
_NO_PARAMETER = re.compile(
    r"parameter|argument|field|property|support|unrecognized|unknown|unexpected|permitted|allowed|extra|invalid|valid",
    re.IGNORECASE,
)
_DAILY = re.compile(r"per[ -]?day|daily|\b[RT]PD\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class InvalidReply(Exception):
    """A reply that is not what an endpoint of this kind sends; asking again may help."""


class WebPage(InvalidReply):
    """A page for people where an endpoint's reply should be."""


def is_page(text: str) -> bool:
    """Whether a text is a web page."""
    return text.lstrip()[:1] == "<"


def details(error: openai.APIStatusError) -> dict[str, Any]:
    """What an error reply says: `message`, and `code`, `type` and `param` where the endpoint gives them."""
    body: Any = error.body
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, Mapping) and body.get("error"):
        body = body["error"]
    if isinstance(body, Mapping):
        return {"message": str(body.get("detail") or dict(body)), **body}
    said = str(body or error.message)
    if is_page(said):
        title = _TITLE.search(said)
        said = f"a web page, {html.unescape(title[1]).strip() if title else said.strip()!r}"
    return {"message": said}


def status_in(error: object) -> int | None:
    """The status that an error states as its code; None if it states none."""
    code = error.get("code") if isinstance(error, Mapping) else None
    if code in OF_REQUESTS:
        return 400
    status = int(code) if isinstance(code, int | str) and str(code).isdecimal() else 0
    return status if 400 <= status < 600 else None


def is_transient(error: BaseException) -> bool:
    """Whether a call that ended so may get through when it is made again."""
    if isinstance(error, openai.APIStatusError):
        status, told = error.status_code, details(error)
        passing = status in TRANSIENT_STATUS or status >= 500
        return passing and not _no_money(told) and not _of_its_own(status, told)
    # What cannot be written into a request will not be the next time, and what cannot be read was cut.
    return isinstance(error, openai.APIError | httpx2.HTTPError | InvalidReply | ValueError) and not isinstance(
        error, UnicodeEncodeError
    )


def is_overload(error: BaseException) -> bool:
    """Whether a call that ended so says that there are too many."""
    overloaded = isinstance(error, openai.APIStatusError) and error.status_code in OVERLOAD_STATUS
    return overloaded or (isinstance(error, openai.APITimeoutError) and not is_unreachable(error))


def is_unreachable(error: BaseException | None) -> bool:
    """Whether a call that ended so found nobody to take it."""
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else None
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)


def is_rejection(error: BaseException | None) -> bool:
    """Whether a call that ended so came too fast or too often, and is not at fault itself."""
    return isinstance(error, openai.APIStatusError) and error.status_code == 429


def is_daily(error: BaseException | None) -> bool:
    """Whether a call was rejected for what a day allows: trying again in a minute does not help."""
    if not isinstance(error, openai.APIStatusError) or not is_rejection(error):
        return False
    wait = retry_after(error.response.headers)
    return (wait is None or wait > SHORT_WAIT) and bool(_DAILY.search(str(details(error)["message"])))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an endpoint asks to wait, given as seconds, milliseconds or a date; None if it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            if 0 <= (told := float(headers[name]) / unit) <= LONGEST_TOLD:
                return told
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, OverflowError):
        return None


def rejected(status: int, error: Mapping[str, Any], endpoint: Endpoint, model: str) -> Outcome:
    """What an error reply that asking again will not change means for a row.

    Raises UserError where it means the same for every row: a wrong key, an unknown model, no money left, a parameter
    that the endpoint does not take.
    """
    message = endpoint.scrub(str(error.get("message") or error))[:SHOWN]
    if error.get("code") in FILTER_CODES:
        return Response("", "content_filter", 0, 0, reason=message)
    reason = f"status {status}: {message}"
    if _of_its_own(status, error):
        return Unanswerable(reason, own=True)
    if status in REMEDIES or _no_money(error):
        remedy = REMEDIES[402 if _no_money(error) else status]
        raise UserError(f"{endpoint.url} refuses all calls, with status {status}: {message}. {remedy}")
    if status in TRANSIENT_STATUS or status >= 500:
        return Failure(reason)
    if name := _refused_parameter(error, parameters.sent_names(endpoint.parameters)):
        remedy = f"take `{name}` out"
        if name in parameters.SENT:
            remedy = f"leave it out: `{name}: null`"
        if name == parameters.LIMIT:
            remedy = f"say what it calls the limit: `{name}: max_tokens`"
        raise UserError(
            f"{endpoint.url} does not take what it was sent as {name}, says status {status}: {message}. Under "
            f"`parameters` of this endpoint, {remedy}."
        )
    if _is_unknown(model, error):
        raise UserError(
            f"{endpoint.url} does not know the model {model}, says status {status}: {message}. Correct `name`."
        )
    return Unanswerable(reason, own=False)


def _no_money(error: Mapping[str, Any]) -> bool:
    return NO_MONEY in (error.get("code"), error.get("type"))


def _of_its_own(status: int, error: Mapping[str, Any]) -> bool:
    """Whether a request was turned down for its length or for what it speaks of, as no other need be."""
    said = " ".join(str(error.get(name) or "") for name in ("code", "type", "message"))
    if status in (401, 402, 404):
        return False
    if status == 429:
        return "request too large" in said.lower()
    if status == 413:
        return True
    metadata = error.get("metadata")
    flagged = isinstance(metadata, Mapping) and bool(metadata.get("reasons") or metadata.get("flagged_input"))
    moderated = flagged or bool(_MODERATED.search(said)) or (status in (400, 422) and bool(_BLOCKED.search(said)))
    return moderated if status == 403 else moderated or bool(_TOO_LONG.search(said))


def _is_unknown(model: str, error: Mapping[str, Any]) -> bool:
    message = str(error.get("message") or "")
    named = model and "model" in message.lower() and re.search(rf"(?<!\w){re.escape(model)}(?!\w)", message)
    return error.get("code") in ("model_not_found", "invalid_model") or bool(named and _NO_MODEL.search(message))


def _refused_parameter(error: Mapping[str, Any], sent: Mapping[str, str]) -> str | None:
    """The key of `parameters` for what an error complains of; None if that cannot be told."""
    stated = re.split(r"[.\[]", str(error.get("param") or ""))[0]
    if stated in sent:
        return sent[stated]
    message = str(error.get("message") or "")
    if _NO_PARAMETER.search(message):
        return next((key for name, key in sent.items() if re.search(rf"\b{re.escape(name)}\b", message)), None)
    return None
