"""The one function that asks models: rewriting, answering and grading all go through it."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from warmline.calls.budget import Budget
from warmline.calls.ledger import Answered, Ledger
from warmline.calls.prices import Prices
from warmline.calls.progress import Progress
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Failure, Request, Respondent, Response
from warmline.lineage.errors import UserError

# The number of requests that are looked up in the ledger together.
CHUNK = 1000


class Engine(Protocol):
    """Something that answers requests, taking each when it has room for it. Answers may come in any order."""

    respondent: Respondent

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Response | Failure]]: ...


def ask(
    requests: Iterable[Request],
    engine: Engine,
    ledger: Ledger,
    *,
    prices: Prices | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Receipt:
    """Have every request answered: from the ledger where it holds the row, by the engine elsewhere.

    Requests are taken as the engine has room for them, so a long stream of them is never in memory. Each answer is in
    the ledger before the next is awaited, so that an interrupted run loses none. Equal requests are asked once. Raises
    UserError, after all else was asked, if requests failed, or if the budget left no room for them.
    """
    started = time.monotonic()
    asking = _Asking(engine.respondent, ledger.answered(engine.respondent), prices or Prices(), budget, progress)
    try:
        with ledger.writer(engine.respondent) as writer:
            for request, result in engine.answer(asking.missing(requests)):
                writer.append(request, result)
                asking.settle(request, result)
    finally:
        ledger.write_indexes(engine.respondent)
        if budget:
            budget.close()
        if progress:
            progress.close()
    asking.receipt.seconds = time.monotonic() - started
    asking.check_complete(ledger)
    return asking.receipt


@dataclasses.dataclass
class _Asking:
    """A job's requests on their way through ledger and engine, and what they have come to so far."""

    respondent: Respondent
    answered: Answered
    prices: Prices
    budget: Budget | None
    progress: Progress | None
    receipt: Receipt = dataclasses.field(default_factory=Receipt)
    failures: Counter[str] = dataclasses.field(default_factory=Counter)
    out_of_budget: bool = False

    def missing(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Count the requests that the ledger answers, and yield the others until the budget has no room for one."""
        seen: set[bytes] = set()
        stream = iter(requests)
        while chunk := list(itertools.islice(stream, CHUNK)):
            self.receipt.rows += len(chunk)
            fresh: dict[str, Request] = {}
            for request in chunk:
                key = request.key(self.respondent)
                if (identity := bytes.fromhex(key)) not in seen:
                    seen.add(identity)
                    fresh[key] = request
            known = self.answered.read(fresh)
            for key, response in known.items():
                self.receipt.add(response)
                del fresh[key]
            if self.progress:
                self.progress.known(len(known))
            for request in fresh.values():
                if self.budget and not self.budget.reserve(self.prices.most(request)):
                    self.out_of_budget = True
                    return
                yield request

    def settle(self, request: Request, result: Response | Failure) -> None:
        """Count what the engine made of a request, and what it cost."""
        usd = 0.0
        if isinstance(result, Response):
            usd = self.prices.of(result)
            self.receipt.add(result)
            self.receipt.new += 1
            self.receipt.usd += usd
        else:
            self.failures[result.reason] += 1
        if self.budget:
            self.budget.settle(self.prices.most(request), usd)
        if self.progress:
            self.progress.answered(self.receipt.usd)

    def check_complete(self, ledger: Ledger) -> None:
        """Raise UserError if requests failed, or were not asked for want of money."""
        kept = f"The {self.receipt.answers} answers are kept in {ledger.folder}"
        if self.failures:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in self.failures.most_common(5))
            raise UserError(
                f"{self.failures.total()} requests to {dict(self.respondent)} failed: {reasons}. "
                f"{kept}; the next run asks only the failed rows."
            )
        if self.out_of_budget and self.budget:
            raise UserError(
                f"the study's budget of {self.budget.limit:g} US dollars leaves no room for another call to "
                f"{dict(self.respondent)}: the study's jobs have spent or claimed {self.budget.taken():.2f}, and this "
                f"one has spent {self.budget.spent:.2f}. {kept}; raise `budget` to go on."
            )
