"""What would be asked in one job about one task: its rows, counted against the ledger."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from warmline.calls.answered import Answered
from warmline.calls.jobs import Job
from warmline.calls.ledger import Ledger
from warmline.calls.requests import UNANSWERABLE, Request, Respondent, Response
from warmline.lineage import digests

SAMPLE = 100
"""So many answers of a table of requests tell how long they are."""


@dataclasses.dataclass
class Tally:
    """The rows of one job that are about one task. Bytes and tokens are of prompts unless they say otherwise.

    `new` rows are asked whatever comes of the others. `awaiting` more may be: what they are made from is not known
    before the run, such as the answer that is to be graded. `if_trained_again` more will be if an adapter that is made
    again comes out another. A row that repeats another is from the ledger, too. `unrendered` of all these have no text
    yet; those `without_answer` have one but for the answer.

    `answered` rows tell how long the new ones will be, with the bytes of as many prompts where they are known;
    `endpoints` are those of the ledger by the URL that was asked for them.
    """

    job: Job
    task: str | None
    asked: str
    max_new_tokens: int
    rows: int = 0
    new: int = 0
    awaiting: int = 0
    if_trained_again: int = 0
    new_bytes: int = 0
    unrendered: int = 0
    without_answer: int = 0
    answered: int = 0
    answered_bytes: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    endpoints: Counter[str] = dataclasses.field(default_factory=Counter)

    @property
    def most(self) -> int:
        """The rows that are asked unless an adapter changes: new, and what may be."""
        return self.new + self.awaiting

    def unknown(self, rows: int) -> None:
        """Count rows of which nothing but their number is known."""
        self.rows += rows
        self.awaiting += rows
        self.unrendered += rows

    def past(self, responses: Sequence[Response], prompt_bytes: int = 0) -> None:
        """Take in answers by which the new ones are estimated, and the bytes of their prompts where they are known."""
        self.answered += len(responses)
        self.answered_bytes += prompt_bytes
        self.prompt_tokens += sum(response.prompt_tokens for response in responses)
        self.completion_tokens += sum(response.completion_tokens for response in responses)


class RequestCounter:
    """Counts the requests of a study against its ledger. A new request that several jobs make is new in the first.

    With `ask_again`, what was turned down for good is new.
    """

    def __init__(self, ledger: Ledger, ask_again: bool) -> None:
        self._ledger = ledger
        self._ask_again = ask_again
        self._met: dict[str, set[bytes]] = {}

    def count(self, keys: Mapping[str, int], respondent: Respondent, tally: Tally) -> set[str]:
        """Count requests, the bytes of their prompts by key; the keys that the ledger has."""
        identity = digests.canonical_json(dict(respondent))
        answered, met = self._answered(identity), self._met.setdefault(identity, set())
        known = answered.known(keys)
        if self._ask_again:
            lines = answered.lines(known)
            known = {key for key, line in lines.items() if line.response.finish_reason != UNANSWERABLE}
        for key in keys.keys() - known:
            if (new := bytes.fromhex(key)) not in met:
                met.add(new)
                tally.new += 1
                tally.new_bytes += keys[key]
        return known

    def measure(self, known: Mapping[str, int], respondent: Respondent, tally: Tally) -> None:
        """Let a sample of answers tell how long new ones will be; by key the bytes of their prompts, 0 for unknown."""
        if not known:
            return
        # From all conditions.
        sample = list(known)[:: -(-len(known) // SAMPLE)]
        lines = self._answered(digests.canonical_json(dict(respondent))).lines(sample)
        tally.past([line.response for line in lines.values()], sum(known[key] for key in lines))
        for line in lines.values():
            if line.endpoint:
                tally.endpoints[line.endpoint] += 1

    def responses(self, keys: Sequence[str], respondent: Respondent) -> dict[str, Response]:
        """The responses to requests that the ledger has."""
        return self._answered(digests.canonical_json(dict(respondent))).read(keys)

    @functools.lru_cache(maxsize=8)  # noqa: B019 (one counter a process)
    def _answered(self, identity: str) -> Answered:
        return self._ledger.answered(json.loads(identity))


def size(request: Request) -> int:
    """The bytes of a prompt."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in request.messages)
