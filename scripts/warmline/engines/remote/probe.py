"""The probe: a few calls that show whether a server draws replies as it is told to, before a study pays for any.

Servers ignore parameters in silence, or fill in what a request leaves out from the model's own settings. So two seeds
must differ at a high temperature, one seed and temperature 0 must repeat, a top_p of next to nothing must take the
likeliest text, and the limit must hold. What plain sampling means is then said in words of its own (NEUTRAL), and sent
from there on where the server takes it.

The calls stand in the ledger as a note, by which they are not made twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from warmline.calls.ledger import Ledger
from warmline.calls.progress import say
from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.remote.chat import ChatEngine
from warmline.lineage import digests
from warmline.lineage.errors import UserError

MESSAGES = [{"role": "user", "content": "Tell me a long story about whatever comes to your mind."}]
LIMIT = 24
CALLS = 8
"""As many are made at most."""
HOT = 1.5
ALMOST_NOTHING = 1e-4
NEUTRAL = {"top_k": 0, "min_p": 0, "repetition_penalty": 1}
"""What plain sampling is, in words that not all servers know."""
PROPERTIES = ("temperature", "seed", "greedy", "top_p", "limit")
"""What is looked at, by the names that `known` of a model takes."""

_GREEDY = Request(MESSAGES, Sampling(0.0, LIMIT), seed=1)
_DRAWN = Request(MESSAGES, Sampling(HOT, LIMIT), seed=1)
_OTHER = Request(MESSAGES, Sampling(HOT, LIMIT), seed=2)
_NARROW = Request(MESSAGES, Sampling(HOT, LIMIT, ALMOST_NOTHING), seed=1)


@dataclasses.dataclass(frozen=True)
class Probed:
    """What a probe saw: `problems` by property, whether NEUTRAL was `taken` and `narrowed` what is drawn without it."""

    problems: Mapping[str, str]
    taken: bool
    narrowed: bool
    calls: int
    prompt_tokens: int
    completion_tokens: int


def probed(
    engine: ChatEngine, ledger: Ledger, place: str, sampled: bool, known: Collection[str]
) -> tuple[ChatEngine, Probed]:
    """The engine as it is to ask, and what a probe of it saw, now or when it was last made.

    `place` says where the model answers: a URL, or the command that serves it. Without `sampled` only what greedy
    requests need is looked at. Raises UserError for what is not as it should be, unless it is `known`.
    """
    setting = digests.of_value([place, dict(engine.endpoint.parameters), sampled])
    notes = [note["saw"] for note in ledger.notes(engine.respondent) if note.get("probe") == setting]
    found = Probed(**notes[-1]) if notes else None
    if found is None or not found.problems.keys() <= set(known):
        found = _look(engine, ledger, setting, sampled)
    if unknown := [f"{name}: {problem}" for name, problem in found.problems.items() if name not in known]:
        raise UserError(
            f"{engine.endpoint.url} does not draw replies of {engine.name} as it is told to. {'; '.join(unknown)}. "
            f"Nothing was asked for the study; {found.calls} calls of a probe are in the ledger. Mend the server or "
            "`parameters` of the endpoint; or accept it, by `known` of the model with the names above."
        )
    return _neutral(engine) if found.taken else engine, found


def _look(engine: ChatEngine, ledger: Ledger, setting: str, sampled: bool) -> Probed:
    """Make the calls, and note them and what they show."""
    pairs = [(_GREEDY, _GREEDY), *([(_DRAWN, _DRAWN), (_OTHER, _NARROW)] if sampled else [])]
    asked = [request for pair in pairs for request in pair]
    plain = _answers(engine, asked)
    problems = _problems([answer.text for answer in plain])
    compared = [at for at, request in enumerate(asked) if request in (_GREEDY, _DRAWN)][::2]
    try:
        neutral = _answers(_neutral(engine), [asked[at] for at in compared])
    except UserError:
        neutral = []
    made = [*plain, *neutral]
    # To some servers a top_k of 0 means one token.
    spoiled = sampled and len({answer.text for answer in neutral}) == 1 and "temperature" not in problems
    if not any(answer.text for answer in made):
        say(f"{engine.endpoint.url}: the replies to the probe hold no text, so that it shows nothing of {engine.name}")
    repeats = not problems.keys() & {"seed", "greedy"}
    differs = any(answer.text != plain[at].text for answer, at in zip(neutral, compared, strict=False))
    narrowed = repeats and differs and not spoiled
    if narrowed:
        say(f"{engine.endpoint.url} draws replies otherwise than from all tokens; from now on it is sent {NEUTRAL}")
    found = Probed(
        problems | _over_limit(made),
        bool(neutral) and not spoiled,
        narrowed,
        len(made),
        sum(answer.prompt_tokens for answer in made),
        sum(answer.completion_tokens for answer in made),
    )
    calls = [
        {"request": request.as_record(), "response": answer.as_record()}
        for request, answer in zip([*asked, *(asked[at] for at in compared)], made, strict=False)
    ]
    with ledger.writer(engine.respondent) as writer:
        writer.note(probe=setting, url=engine.endpoint.url, calls=calls, saw=dataclasses.asdict(found))
    return found


def _problems(texts: Sequence[str]) -> dict[str, str]:
    """What is wrong with the texts of two greedy replies and, where there are any, of those that were drawn."""
    found = {}
    greedy, repeated, *drawn = texts
    if greedy != repeated:
        found["greedy"] = "two replies at temperature 0 differ"
    # Replies without text, as of a model that thinks for longer, show nothing.
    if drawn and any(texts):
        first, again, other, narrow = drawn
        if first == other == greedy:
            found["temperature"] = f"replies at temperature {HOT:g} are those at temperature 0"
        elif first == other:
            found["seed"] = "two seeds give one reply"
        elif first != again:
            found["seed"] = "one seed gives two replies"
        if narrow != greedy and "greedy" not in found:
            found["top_p"] = f"a top_p of {ALMOST_NOTHING:g} does not give the reply at temperature 0"
    return found


def _over_limit(answers: Sequence[Response]) -> dict[str, str]:
    longest = max(answer.completion_tokens for answer in answers)
    return {"limit": f"a reply has {longest} tokens where {LIMIT} were allowed"} if longest > LIMIT else {}


def _answers(engine: ChatEngine, requests: Sequence[Request]) -> list[Response]:
    """The reply to each request. Raises UserError if there is none to one of them."""
    found = []
    for request in requests:
        [(_, outcome)] = engine.answer([request])
        if not isinstance(outcome, Response):
            raise UserError(f"{engine.endpoint.url}: a probe of {engine.name} got no reply: {outcome.reason}")
        found.append(outcome)
    return found


def _neutral(engine: ChatEngine) -> ChatEngine:
    """The engine with plain sampling in words, but for what the configuration says itself."""
    said: dict[str, Any] = {**NEUTRAL, **engine.endpoint.parameters}
    return ChatEngine(
        engine.respondent, engine.name, dataclasses.replace(engine.endpoint, parameters=said), engine.first_pause
    )
