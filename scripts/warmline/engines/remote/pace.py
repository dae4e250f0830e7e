"""How fast an endpoint may be called: how many calls at once, which is found out, and how long after one another.

The number of calls at once begins with a few and doubles while all goes well. Rejections (status 429) cut it, once for
the calls that were on their way together, to a share of as many of them as were taken. It then returns quickly to just
below that many, and from there feels its way up slowly, as TCP CUBIC does (RFC 9438): a limit that holds still is used
almost fully, and one that rises is found.

Calls that are sent together are answered together, and while those answers are dealt with, the endpoint idles. So calls
go out no closer together than a little closer than evenly over the time that one takes (as TCP pacing, RFC 9002 7.7).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

FIRST = 8
MOST = 500
"""Calls at once where no ceiling is configured: a server that queues calls never rejects one, and each call is an open
file, of which a process has 1,024 by default."""
CUT = 0.7
# Just below the last cut, by a call at least. From there, one step takes so many round trips.
NEAR = 0.98
ROUND_TRIPS_A_STEP = 20
# A step is one call, and of many calls this share.
STEP = 1 / 64
# Beyond the old limit by so much, there is a new one: back to a step a round trip.
BEYOND = 1.1
# Calls go out so many times as fast as evenly: at first so that their number can double, then so that it can be kept.
AT_FIRST_FASTER = 2.0
FASTER = 1.25


class Pace:
    """The number of calls that may be on their way. `ceiling` is the most that it may become."""

    def __init__(self, ceiling: int | None = None) -> None:
        self.ceiling = ceiling or MOST
        self._limit = float(min(FIRST, self.ceiling))
        self._cut_at = self._near = math.inf
        self._epoch = self._sent = 0
        self._seconds = 0.0

    @property
    def limit(self) -> int:
        """How many calls may be on their way now, at least one."""
        return int(self._limit)

    @property
    def epoch(self) -> int:
        """Counts the cuts; a call keeps the value it was sent under."""
        return self._epoch

    @property
    def interval(self) -> float:
        """Seconds from one call to the next."""
        return self._seconds / (self._limit * (AT_FIRST_FASTER if self._cut_at == math.inf else FASTER))

    def succeeded(self, seconds: float) -> None:
        """Note a call that went well, and the seconds that it took."""
        self._seconds += (seconds - self._seconds) / (self._limit if self._seconds else 1)
        if self._limit < self._near:
            step = min(1.0, self._near - self._limit)
        elif self._limit < BEYOND * self._cut_at:
            step = max(1 / self._limit, STEP) / ROUND_TRIPS_A_STEP
        else:
            step = max(1 / self._limit, STEP)
        self._limit = min(self._limit + step, self.ceiling)

    def rejected(self, epoch: int) -> None:
        """A call that was sent under the given epoch was rejected for coming too fast."""
        if epoch == self._epoch:
            self._epoch += 1
            self._sent, self._cut_at = self.limit, self.limit
        elif epoch == self._epoch - 1:
            # So many fewer would have been taken; but at least half, as the number grows no faster than to its double.
            self._cut_at = max(self._cut_at - 1, self._sent / 2)
        else:
            return
        self._near = max(1.0, min(NEAR * self._cut_at, self._cut_at - 1))
        self._limit = max(1.0, min(self._limit, CUT * self._cut_at))


class Spacing:
    """Lets calls through one after the other."""

    def __init__(self) -> None:
        self._free_at = 0.0

    async def acquire(self, seconds: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Wait for a call's turn. The next one's comes so many seconds later."""
        now = time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + seconds
        if begin > now:
            await sleep(begin - now)
