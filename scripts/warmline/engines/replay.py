"""The replay engine: the ledger only, so that a finished study is re-derived without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.calls.requests import Outcome, Request, Respondent
from warmline.lineage.errors import UserError


class ReplayEngine:
    """Answers nothing itself: `ask` serves what the ledger holds, and a row that it lacks is an error."""

    def __init__(self, respondent: Respondent) -> None:
        self.respondent = respondent

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
        missing = 0
        first: Request | None = None
        for request in requests:
            first = first or request
            missing += 1
        if first:
            raise UserError(
                f"replay: {missing} rows are not in the ledger of {dict(self.respondent)}, the first with key "
                f"{first.key(self.respondent)}, asking {first.messages[-1]['content'][:80]!r}. Copy the ledger that "
                "holds them, or set `calls: ask`."
            )
        yield from ()
