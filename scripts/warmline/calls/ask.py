"""The one function that asks models: rewriting, answering and grading all go through it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

import numpy as np

from warmline.calls.answered import Answered
from warmline.calls.budget import Budget
from warmline.calls.claims import Claims, Times
from warmline.calls.ledger import Ledger, Writer
from warmline.calls.prices import Prices
from warmline.calls.progress import Progress
from warmline.calls.receipts import Receipt
from warmline.calls.requests import UNANSWERABLE, Failure, Outcome, Request, Respondent, Response, Unanswerable
from warmline.calls.spool import Spool
from warmline.lineage.errors import UserError

# The number of requests that are looked up in the ledger together.
CHUNK = 1000
# So many requests are claimed together: as many as are taken in about so many seconds, for others wait for all of them.
FEWEST_CLAIMED = 100
SECONDS_OF_A_CLAIM = 10.0
SHOWN = 80
FIRST_LOOK = 0.05
LOOKS_GROW = 1.5


class Engine(Protocol):
    """Something that answers requests, taking each when it has room for it. Answers may come in any order."""

    respondent: Respondent

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]: ...


def ask(
    requests: Iterable[Request],
    engine: Engine,
    ledger: Ledger,
    *,
    prices: Prices | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
    again: bool = False,
    kept: Collection[bytes] = (),
    times: Times = Times(),  # noqa: B008 (frozen)
) -> Receipt:
    """Have every request answered: from the ledger where it holds the row, by the engine elsewhere.

    Requests are taken as the engine has room for them, so a long stream of them is never in memory. Each answer is in
    the ledger before the next is awaited, so that an interrupted run loses none. Equal requests are asked once, also by
    several processes: what another is asking is waited for, and asked only if that one fails. A request that is
    unanswerable becomes a row without text once another of the job was answered; `again` asks those of earlier runs
    once more. `kept` are the keys of further requests, which the ledger answers. Raises UserError, after all else was
    asked, if requests failed, or if the budget left no room for them.
    """
    started = time.monotonic()
    answered = ledger.answered(engine.respondent)
    with contextlib.ExitStack() as stack:
        if budget:
            stack.callback(budget.close)
        if progress:
            stack.callback(progress.close)
        writer = stack.enter_context(ledger.writer(engine.respondent))
        claims = Claims(writer, times)
        stack.callback(claims.release)
        waiting = stack.enter_context(contextlib.closing(Spool()))
        asking = _Asking(engine, answered, writer, claims, waiting, prices or Prices(), budget, progress, again)
        asking.count_kept(kept)
        asking.ask(asking.missing(requests))
        while left := asking.wait(times.look):
            asking.ask(asking.claimed(left))
        asking.count_what_was_asked_twice()
    asking.receipt.seconds = time.monotonic() - started
    asking.check_complete(ledger)
    return asking.receipt


@dataclasses.dataclass
class _Asking:
    """A job's requests on their way through ledger and engine, and what they have come to so far."""

    engine: Engine
    answered: Answered
    writer: Writer
    claims: Claims
    # What others are asking.
    waiting: Spool
    prices: Prices
    budget: Budget | None
    progress: Progress | None
    again: bool
    receipt: Receipt = dataclasses.field(default_factory=Receipt)
    failures: Counter[str] = dataclasses.field(default_factory=Counter)
    first_failed: str = ""
    # How many requests this run has a reply to.
    replies: int = 0
    # What was turned down before there was a reply to another request.
    turned_down: list[tuple[Request, Unanswerable]] = dataclasses.field(default_factory=list)
    # The keys of those that were turned down in earlier runs.
    asked_again: set[bytes] = dataclasses.field(default_factory=set)
    out_of_budget: bool = False
    seen: set[bytes] = dataclasses.field(default_factory=set)
    # The keys of the rows that were asked here, 32 bytes each.
    asked: bytearray = dataclasses.field(default_factory=bytearray)
    block: int = FEWEST_CLAIMED
    claimed_at: float = -math.inf

    def ask(self, requests: Iterable[Request]) -> None:
        """Have the engine answer requests that are claimed. Afterwards nothing is claimed any more."""
        try:
            for request, result in self.engine.answer(requests):
                self.settle(request, result)
        except BaseException:
            self.keep_turned_down(stopped=True)
            raise
        self.keep_turned_down(last=True)
        self.claims.release()

    def count_kept(self, keys: Collection[bytes]) -> None:
        """Count requests whose answers are known to be in the ledger, by their keys."""
        self.receipt.rows += len(keys)
        self.seen.update(keys)
        self._count(self.seen)

    def missing(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Count the requests that the ledger answers, put by what others ask, and claim and yield the rest.

        Ends early if the budget has no room for a request.
        """
        stream = iter(requests)
        while not self.out_of_budget and (chunk := list(itertools.islice(stream, CHUNK))):
            self.receipt.rows += len(chunk)
            fresh: dict[bytes, Request] = {}
            for request in chunk:
                key = bytes.fromhex(request.key(self.engine.respondent))
                if key not in self.seen:
                    self.seen.add(key)
                    fresh[key] = request
            self._serve(fresh)
            yield from self._claim(fresh)

    def claimed(self, keys: list[bytes]) -> Iterator[Request]:
        """Claim and yield what was put by, unless others are quicker."""
        for some in _chunks(keys):
            if not self.out_of_budget:
                yield from self._claim({key: self.waiting.take(key) for key in some})

    def wait(self, longest_look: float) -> list[bytes]:
        """Wait for what others ask. Returns the keys that they have left unanswered; none once there are no more.

        Whoever waits has no request on its way and no claim, so that nobody waits for it.
        """
        told, look = False, FIRST_LOOK
        while self.waiting and not self.out_of_budget:
            self.claims.look()
            self.answered.refresh(self.claims.files)
            for some in _chunks(list(self.waiting)):
                for key in self._count(some):
                    self.waiting.take(key)
            if free := [key for key in self.waiting if not self.claims.held(key)]:
                return free
            if self.waiting and not told:
                others = ", ".join(self.claims.claimants())
                print(f"waiting for {len(self.waiting)} rows, asked by {others}", file=sys.stderr, flush=True)
                told = True
            if self.waiting:
                time.sleep(min(look, longest_look))
                look *= LOOKS_GROW
        return []

    def _claim(self, fresh: dict[bytes, Request]) -> Iterator[Request]:
        while fresh:
            for key in self._claim_block(fresh):
                if self.claims.lost:
                    # Someone has taken what is left, and may have asked it.
                    break
                if self.budget and not self.budget.reserve(self.prices.most(fresh[key])):
                    self.out_of_budget = True
                    return
                yield fresh.pop(key)

    def _claim_block(self, fresh: dict[bytes, Request]) -> list[bytes]:
        """Claim the next requests that nobody else asks; those that are answered or asked by others leave `fresh`."""
        now = time.monotonic()
        quick = now - self.claimed_at < SECONDS_OF_A_CLAIM
        self.block = min(2 * self.block, CHUNK) if quick else max(self.block // 2, FEWEST_CLAIMED)
        self.claimed_at = now
        while True:
            if self.claims.look():
                self.answered.refresh(self.claims.files)
                self._serve(fresh)
            for key in [key for key in fresh if self.claims.held(key)]:
                self.waiting.add(key, fresh.pop(key))
            block = list(itertools.islice(fresh, self.block))
            if not block or self.claims.take(block):
                return block

    def _serve(self, fresh: dict[bytes, Request]) -> None:
        """Count those that the ledger answers; they leave `fresh`."""
        for key in self._count(fresh):
            del fresh[key]

    def _count(self, keys: Collection[bytes]) -> list[bytes]:
        """Count the answers that the ledger holds, and return their keys."""
        asked = list(keys)
        found = self.answered.find(asked)
        if self.again:
            again = found.rows["finish_reason"] == UNANSWERABLE.encode()
            self.asked_again.update(asked[place] for place in found.places[again].tolist())
            found = found.only(np.flatnonzero(~again))
        self.receipt.add_found(found, self.answered)
        if self.progress:
            self.progress.known(len(found.rows))
        return [asked[place] for place in found.places.tolist()]

    def settle(self, request: Request, result: Outcome) -> None:
        """Keep what the engine made of a request, and count it and what it cost."""
        usd = self.prices.of(result) if isinstance(result, Response) else 0.0
        if self.budget:
            self.budget.settle(self.prices.most(request), usd)
        if isinstance(result, Unanswerable):
            self.turned_down.append((request, result))
        else:
            self.keep(request, result, usd)
        if isinstance(result, Response):
            self.replies += 1
            self.keep_turned_down()

    def keep_turned_down(self, *, last: bool = False, stopped: bool = False) -> None:
        """Keep what was turned down as rows without text, if other requests were answered with the same parameters.

        At the `last`, replies of earlier runs count too where the reason is the request's own. The rest has failed. Of
        an engine that `stopped`, what it turned down since its last reply has failed where the reason is not the
        request's own: it may be why the engine stopped.
        """
        if self.turned_down and (self.replies or last or stopped):
            before = self.receipt.answers > self.receipt.finish_reasons[UNANSWERABLE]
            for request, result in self.turned_down:
                known = bytes.fromhex(request.key(self.engine.respondent)) in self.asked_again
                if known or (self.replies and (result.own or not stopped)) or (before and result.own):
                    self.keep(request, Response("", UNANSWERABLE, 0, 0, reason=result.reason))
                else:
                    self.keep(request, Failure(result.reason))
            self.turned_down.clear()

    def keep(self, request: Request, result: Response | Failure, usd: float = 0.0) -> None:
        """Write a call to the ledger and count it."""
        key, digest = self.writer.append(request, result)
        if isinstance(result, Response):
            self.receipt.add(key, digest, result, self.writer.written_by.get("endpoint"))
            self.receipt.new += 1
            self.receipt.usd += usd
            self.asked += key
            if self.progress:
                self.progress.answered(self.receipt.usd)
        else:
            self.first_failed = self.first_failed or request.messages[-1]["content"][:SHOWN]
            self.failures[result.reason] += 1
        self.claims.settle(key)

    def count_what_was_asked_twice(self) -> None:
        """Count the rows that another has asked too, and take for each the answer that every reader takes."""
        if not self.claims.met:
            return
        self.answered.refresh(self.claims.files)
        asked = [bytes(self.asked[begin : begin + 32]) for begin in range(0, len(self.asked), 32)]
        self.receipt.asked_twice = self.answered.answered_twice(asked)
        if self.receipt.asked_twice:
            self.receipt.forget_answers()
            self.receipt.add_found(self.answered.find(self.seen), self.answered)

    def check_complete(self, ledger: Ledger) -> None:
        """Raise UserError if requests failed, or were not asked for want of money."""
        kept = f"The {self.receipt.answers} answers are kept in {ledger.folder}"
        if self.failures:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in self.failures.most_common(5))
            raise UserError(
                f"{self.failures.total()} requests to {dict(self.engine.respondent)} failed: {reasons}. The first asks "
                f"{self.first_failed!r}. {kept}; the next run asks only the failed rows."
            )
        if self.out_of_budget and self.budget:
            raise UserError(
                f"the study's budget of {self.budget.limit:g} US dollars leaves no room for another call to "
                f"{dict(self.engine.respondent)}: the study's jobs have spent or claimed {self.budget.taken():.2f}, "
                f"and this one has spent {self.budget.spent:.2f}. {kept}; raise `budget` to go on."
            )


def _chunks(keys: list[bytes]) -> Iterator[list[bytes]]:
    return (keys[begin : begin + CHUNK] for begin in range(0, len(keys), CHUNK))
