"""The openai engine: chat completions from any OpenAI-compatible endpoint, many at a time.

Faults are retried with growing pauses; `Retry-After` is honoured. What is wrong with one row becomes its Failure; what
is wrong with all of them (a wrong key, an unknown model, no money left) ends the run with a clear error, after the
answers on their way are in.
"""

from __future__ import annotations

import asyncio
import datetime
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx2
import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from warmline.calls.prices import most_prompt_tokens
from warmline.calls.progress import say
from warmline.calls.requests import Failure, Outcome, Request, Respondent, Response, Unanswerable
from warmline.engines.remote import connections, replies
from warmline.engines.remote.endpoint import Endpoint, body
from warmline.engines.remote.faults import (
    InvalidReply,
    WebPage,
    details,
    is_daily,
    is_overload,
    is_rejection,
    is_transient,
    is_unreachable,
    rejected,
    retry_after,
)
from warmline.engines.remote.pace import Pace, Spacing
from warmline.lineage.errors import NotHere, UserError
from warmline.models.chat_forms import form_of

FAULTS_IN_A_ROW = 8
"""The number of faults after which a call is given up: about a minute of pauses."""
FAILURES_IN_A_ROW = 20
"""The number of failed rows in a row after which the endpoint is taken to be out of order."""
LONGEST_PAUSE = 60.0
LONGEST_LOOK = 5.0
"""Seconds between two calls of a server that is not up."""
LONGEST_WAIT = 3600.0
"""Seconds after which a call that is rejected for coming too fast is given up."""

Result = tuple[Request, Outcome]


class ChatEngine:
    """Answers requests at an endpoint, which knows the model as `name`. `first_pause` is in seconds.

    A call with a fault is made again up to `attempts` times; with 1 also where the endpoint asks for patience.
    """

    def __init__(
        self,
        respondent: Respondent,
        name: str,
        endpoint: Endpoint,
        first_pause: float = 1.0,
        attempts: int = FAULTS_IN_A_ROW,
    ) -> None:
        self.respondent = respondent
        self.name = name
        self.endpoint = endpoint
        self.first_pause = first_pause
        self.attempts = attempts

    def answer(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Answer each request; no more of them are taken than may be on their way."""
        calls = _Calls(self, iter(requests))
        with asyncio.Runner() as runner:
            try:
                while results := runner.run(calls.arrived()):
                    yield from results
            finally:
                runner.run(calls.close())
        if calls.stopped_by:
            raise calls.stopped_by


class _Stopped(Exception):
    """A call that was waiting for its turn, or for another attempt, when the run was stopped."""


class _Calls:
    """The calls that are on their way at once. `stopped_by` is the error that ends the run, once there is one."""

    def __init__(self, engine: ChatEngine, requests: Iterator[Request]) -> None:
        self.stopped_by: Exception | None = None
        self._engine = engine
        self._requests = requests
        endpoint = self._endpoint = engine.endpoint
        self._client = endpoint.client(connections.for_many_calls())
        self._pace = Pace(endpoint.max_concurrency)
        self._spacings = {limit: Spacing() for limit in ("requests", "tokens", "pace")}
        self._pause = wait_random_exponential(multiplier=engine.first_pause, max=LONGEST_PAUSE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Queue[Result | Exception] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._on_their_way = 0
        self._in_flight = 0
        self._failures = 0
        self._answered = False
        self._unreachable_since: float | None = None

    async def arrived(self) -> list[Result]:
        """The next results, at least one unless there are no more. All that have come by then are taken at once."""
        results: list[Result] = []
        while not results:
            self._send_more()
            if not self._on_their_way:
                break
            ended = [await self._ended.get()]
            while not self._ended.empty():
                ended.append(self._ended.get_nowait())
            self._on_their_way -= len(ended)
            for result in ended:
                if isinstance(result, Exception):
                    self._stop(result)
                else:
                    self._watch(result[1])
                    results.append(result)
        return results

    async def close(self) -> None:
        """Give up what is still on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def _send_more(self) -> None:
        while not self.stopped_by and self._on_their_way < self._pace.limit:
            try:
                request = next(self._requests)
            except StopIteration:
                break
            except Exception as error:
                # What is wrong with the requests to come must not cost the answers on their way.
                self._stop(error)
                break
            task = asyncio.create_task(self._call(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._on_their_way += 1

    def _stop(self, error: Exception) -> None:
        if not self.stopped_by:
            self.stopped_by = error
            self._stopping.set()
            self._room.set()

    def _watch(self, result: Outcome) -> None:
        if isinstance(result, Response):
            self._failures = 0
        # What is turned down for what it says itself tells nothing of the endpoint.
        if isinstance(result, Response) or (isinstance(result, Unanswerable) and result.own):
            return
        self._failures += 1
        if self._failures == FAILURES_IN_A_ROW:
            self._stop(
                UserError(
                    f"{self._endpoint.url} failed {self._failures} calls in a row, the last with {result.reason}. "
                    "Check the endpoint and run again; answered rows are kept."
                )
            )

    async def _call(self, request: Request) -> None:
        try:
            self._ended.put_nowait((request, await self._result(request)))
        except Exception as error:
            self._ended.put_nowait(error)

    async def _result(self, request: Request) -> Outcome:
        attempts = AsyncRetrying(
            retry=retry_if_exception(self._may_pass),
            wait=self._wait,
            stop=self._is_hopeless,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await attempts(self._send, request)
        except openai.APIStatusError as error:
            status, told, wait = error.status_code, details(error), retry_after(error.response.headers)
            if is_rejection(error) and is_transient(error):
                raise NotHere(_no_more_for_now(self._endpoint, told, wait)) from None
        except WebPage as error:
            raise UserError(
                f"{self._endpoint.scrub(str(error))}: a page for people. Check `url`, which usually ends in /v1, and "
                "that no login page or proxy stands before the endpoint."
            ) from None
        except openai.APIConnectionError as error:
            if is_unreachable(error):
                raise UserError(
                    f"{self._endpoint.url} cannot be reached ({error.__cause__}), and was waited for for "
                    f"{self._endpoint.wait_seconds:g} seconds. Start the server, or correct `url`; answered rows are "
                    "kept. For a longer wait, set `wait-seconds` of this endpoint."
                ) from None
            return self._failed(error)
        except (openai.APIError, httpx2.HTTPError, InvalidReply, ValueError) as error:
            return self._failed(error)
        # Outside of the handler: what is raised here must not bring the unscrubbed error along.
        return rejected(status, told, self._endpoint, self._engine.name)

    def _failed(self, error: Exception) -> Failure:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return Failure(self._endpoint.scrub(f"{type(error).__name__}: {error}{cause}")[:500])

    def _may_pass(self, error: BaseException) -> bool:
        """Whether a call is made again. Before anything was answered, a page stands for a wrong address."""
        return is_transient(error) and not is_daily(error) and (self._answered or not isinstance(error, WebPage))

    async def _send(self, request: Request) -> Outcome:
        if limit := self._endpoint.requests_per_minute:
            await self._spacings["requests"].acquire(60 / limit, self._sleep)
        if limit := self._endpoint.tokens_per_minute:
            tokens = most_prompt_tokens(request) + request.sampling.max_new_tokens
            await self._spacings["tokens"].acquire(tokens * 60 / limit, self._sleep)
        await self._spacings["pace"].acquire(self._pace.interval, self._sleep)
        # A call that was rejected comes back when a place is free. Sooner, it would be rejected again.
        while self._in_flight >= self._pace.limit:
            self._room.clear()
            await self._room.wait()
            if self._stopping.is_set():
                raise _Stopped
        epoch, began = self._pace.epoch, time.monotonic()
        self._in_flight += 1
        try:
            # Not `chat.completions.create`, which takes as long again to check what we know and to parse all we do not.
            reply = await self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=body(request, self._engine.name, self._endpoint.parameters, form_of(self._engine.respondent)),
            )
            completion = replies.completion_in(reply, self._endpoint)
        except openai.APIError as error:
            if is_overload(error):
                self._pace.rejected(epoch)
            if is_unreachable(error) and self._unreachable_since is None:
                self._unreachable_since = time.monotonic()
                waited = f"waiting for it for up to {self._endpoint.wait_seconds:g} seconds"
                say(f"{self._endpoint.url} cannot be reached: {waited}")
            raise
        else:
            self._unreachable_since = None
        finally:
            self._in_flight -= 1
            self._room.set()
        answer = replies.response(completion, request, self._engine.name, self._endpoint)
        self._answered = True
        self._pace.succeeded(time.monotonic() - began)
        return answer

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_for = retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
        # Calls that are to wait equally long must not all come back at once.
        if is_unreachable(error):
            return min(self._pause(state), LONGEST_LOOK)
        return self._pause(state) if asked_for is None else asked_for + random.uniform(0, self._engine.first_pause)

    def _is_hopeless(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if is_unreachable(error) and self._unreachable_since is not None:
            return time.monotonic() - self._unreachable_since >= self._endpoint.wait_seconds
        if (state.seconds_since_start or 0.0) + state.upcoming_sleep > LONGEST_WAIT:
            return True
        patient = is_rejection(error) and self._engine.attempts > 1
        return not patient and state.attempt_number >= self._engine.attempts

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise _Stopped


def _no_more_for_now(endpoint: Endpoint, told: Mapping[str, Any], wait: float | None) -> str:
    """What a user reads of an endpoint that rejects calls for longer than a run may wait."""
    now = datetime.datetime.now(datetime.UTC)
    until = f" until {now + datetime.timedelta(seconds=wait):%Y-%m-%d %H:%M} UTC" if wait else ""
    return (
        f"{endpoint.url} takes no more calls for now, says status 429 at {now:%Y-%m-%d %H:%M} UTC: "
        f"{endpoint.scrub(str(told['message']))[:500]}. Answered rows are kept; wait{until} and run again."
    )
