"""Calls of an endpoint that must get through: each is repeated until it does or is refused.

A call whose reply is lost may have been carried out, so a repeated call knows that it was tried before: what must not
exist twice is looked for, under the name that it was given, before it is made again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from warmline.calls.requests import Response
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.faults import InvalidReply, details, is_transient, rejected, retry_after
from warmline.lineage.errors import UserError

FAULTS_UNTIL_TOLD = 4

T = TypeVar("T")


class RepeatedCalls:
    """A client of an endpoint. Use it in a `with` statement; pauses are in seconds."""

    def __init__(self, endpoint: Endpoint, first_pause: float, longest_pause: float) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client()
        self._runner = asyncio.Runner()
        self._pause = wait_exponential(multiplier=first_pause, max=longest_pause)

    def __enter__(self) -> RepeatedCalls:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.client.close())
        self._runner.close()

    def repeat(self, call: Callable[[bool], Awaitable[T]]) -> T:
        """The result of a call, which is passed whether it was tried before. Raises UserError if it is refused."""

        async def repeat() -> T:
            attempts = AsyncRetrying(
                retry=retry_if_exception(is_transient), wait=self._wait, before_sleep=self._tell, reraise=True
            )
            async for attempt in attempts:
                with attempt:
                    return await call(attempt.retry_state.attempt_number > 1)
            raise AssertionError("tenacity ends with a result or an exception")

        try:
            return self._runner.run(repeat())
        except openai.APIStatusError as error:
            result = rejected(error.status_code, details(error), self.endpoint, model="")
            reason = result.finish_reason if isinstance(result, Response) else result.reason
            raise UserError(f"{self.endpoint.url} refuses {error.request.url.path}: {reason}") from error

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_for = retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
        return self._pause(state) if asked_for is None else asked_for

    def _tell(self, state: RetryCallState) -> None:
        if state.attempt_number == FAULTS_UNTIL_TOLD and state.outcome:
            error = state.outcome.exception()
            problem = self.endpoint.scrub(f"{type(error).__name__}: {error}")[:500]
            print(f"{self.endpoint.url}: still trying after {problem}", file=sys.stderr, flush=True)


def checked(reply: Any, kind: type[T]) -> T:
    """A reply of the kind that was expected: the client does not check what it was sent."""
    if not isinstance(reply, kind) or not isinstance(getattr(reply, "id", None), str):
        raise InvalidReply(f"a reply that is no {kind.__name__}")
    return reply
