"""What would be asked in one job: its rows, counted against the ledger."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterable

from warmline.calls.answered import Answered
from warmline.calls.jobs import Job
from warmline.calls.ledger import Ledger
from warmline.calls.requests import UNANSWERABLE, Request, Respondent, Response
from warmline.lineage import digests


@dataclasses.dataclass
class Tally:
    """The rows of one job. Bytes and tokens are of prompts unless they say otherwise.

    `answered` rows are those found in the ledger and counted once; a row that repeats another is from the ledger, too.
    `unrendered` new rows have no text yet; `awaiting` ones have one but for the answer that they are to grade.
    `endpoints` are the answered rows by the URL that was asked for them.
    """

    job: Job
    asked: str
    max_new_tokens: int
    rows: int = 0
    new: int = 0
    at_most: bool = False
    new_bytes: int = 0
    unrendered: int = 0
    awaiting: int = 0
    answered: int = 0
    answered_bytes: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    endpoints: Counter[str] = dataclasses.field(default_factory=Counter)

    def unknown(self, rows: int) -> None:
        """Count rows of which nothing but their number is known."""
        self.rows += rows
        self.new += rows
        self.unrendered += rows
        self.at_most = self.at_most or rows > 0


class RequestCounter:
    """Counts the requests of a study against its ledger. A new request that several jobs make is new in the first.

    With `ask_again`, what was turned down for good is new.
    """

    def __init__(self, ledger: Ledger, ask_again: bool) -> None:
        self._ledger = ledger
        self._ask_again = ask_again
        self._met: dict[str, set[bytes]] = {}

    def count(
        self, requests: Iterable[Request], respondent: Respondent | None, tally: Tally
    ) -> list[tuple[str, Response] | None]:
        """Count the requests of one table; the key and response of each, in order, where the ledger has it.

        Without a respondent, who answers is not known yet, and all rows are new.
        """
        if respondent is None:
            return self._count_as_new(requests, tally)
        sizes: dict[str, int] = {}
        order: list[str] = []
        for request in requests:
            order.append(key := request.key(respondent))
            sizes[key] = _size(request)
            tally.max_new_tokens = max(tally.max_new_tokens, request.sampling.max_new_tokens)
        tally.rows += len(order)
        identity = digests.canonical_json(dict(respondent))
        lines = self._answered(identity).lines(sizes)
        if self._ask_again:
            lines = {key: line for key, line in lines.items() if line.response.finish_reason != UNANSWERABLE}
        tally.endpoints.update(line.endpoint for line in lines.values() if line.endpoint)
        found = {key: line.response for key, line in lines.items()}
        met = self._met.setdefault(identity, set())
        for key, size in sizes.items():
            if response := found.get(key):
                tally.answered += 1
                tally.answered_bytes += size
                tally.prompt_tokens += response.prompt_tokens
                tally.completion_tokens += response.completion_tokens
            elif (new := bytes.fromhex(key)) not in met:
                met.add(new)
                tally.new += 1
                tally.new_bytes += size
        return [(key, found[key]) if key in found else None for key in order]

    def _count_as_new(self, requests: Iterable[Request], tally: Tally) -> list[tuple[str, Response] | None]:
        rows = 0
        for request in requests:
            rows += 1
            tally.new_bytes += _size(request)
            tally.max_new_tokens = max(tally.max_new_tokens, request.sampling.max_new_tokens)
        tally.rows += rows
        tally.new += rows
        tally.at_most = tally.at_most or rows > 0
        return [None] * rows

    @functools.lru_cache(maxsize=8)  # noqa: B019 (one counter a process)
    def _answered(self, identity: str) -> Answered:
        return self._ledger.answered(json.loads(identity))


def _size(request: Request) -> int:
    """The bytes of a prompt."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in request.messages)
