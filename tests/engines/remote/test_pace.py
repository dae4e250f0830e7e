from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.engines.remote import pace as pace_module
from warmline.engines.remote.pace import (
    AT_FIRST_FASTER,
    CUT,
    FASTER,
    FIRST,
    MOST,
    NEAR,
    ROUND_TRIPS_A_STEP,
    Pace,
    Spacing,
)

LATENCY = 0.2


def simulate(
    pace: Pace, seconds: float, allowed: Callable[[float], int], latency: float = LATENCY, pause: float = 0.5
) -> tuple[int, int]:
    """Calls answered and rejected by a server that takes `allowed` calls at once, answers each after `latency`, and
    rejects the others at once; after `pause` those come back into a free place, before any new ones."""
    order = itertools.count()
    events: list[tuple[float, int, str, int]] = []
    on_their_way = in_flight = back = answered = rejected = 0
    now = 0.0
    while now < seconds:
        while on_their_way < pace.limit or (back and in_flight < pace.limit):
            if back and in_flight < pace.limit:
                back -= 1
            else:
                on_their_way += 1
            accepted = in_flight < allowed(now)
            in_flight += accepted
            rejected += not accepted
            arrival = now + latency if accepted else now
            heapq.heappush(events, (arrival, next(order), "answer" if accepted else "rejection", pace.epoch))
        now, _, event, epoch = heapq.heappop(events)
        if event == "answer":
            pace.succeeded(latency)
            on_their_way, in_flight, answered = on_their_way - 1, in_flight - 1, answered + 1
        elif event == "rejection":
            pace.rejected(epoch)
            heapq.heappush(events, (now + pause, next(order), "back", 0))
        else:
            back += 1
    return answered, rejected


def test_the_first_calls_are_few() -> None:
    assert Pace().limit == FIRST
    assert Pace(3).limit == 3


def test_the_number_doubles_while_all_goes_well() -> None:
    pace = Pace()
    for _ in range(FIRST):
        pace.succeeded(LATENCY)
    assert pace.limit == 2 * FIRST


def test_calls_that_were_on_their_way_together_cut_the_number_once() -> None:
    pace = Pace()
    epoch = pace.epoch
    for _ in range(3):
        pace.rejected(epoch)
    assert pace.epoch == epoch + 1
    # The first rejection showed that 8 were too many, the others that 7 and 6 would have been.
    assert pace.limit == int((FIRST - 2) * CUT)


def test_a_rejection_from_before_the_last_cut_but_one_says_nothing_new() -> None:
    pace = Pace()
    pace.rejected(pace.epoch)
    pace.rejected(pace.epoch)
    limit = pace.limit
    pace.rejected(0)
    assert pace.limit == limit


def test_a_round_of_rejections_leaves_a_third() -> None:
    pace = Pace()
    for _ in range(92):
        pace.succeeded(LATENCY)
    for _ in range(100):
        pace.rejected(0)
    assert pace.limit == int(100 / 2 * CUT)


def test_the_way_back_is_quick_up_to_just_below_the_old_limit_and_slow_from_there() -> None:
    pace = Pace()
    for _ in range(100 - FIRST):
        pace.succeeded(LATENCY)
    pace.rejected(pace.epoch)
    for _ in range(30):
        pace.succeeded(LATENCY)
    assert pace.limit == NEAR * 100
    for _ in range(100):
        pace.succeeded(LATENCY)
    assert pace.limit == NEAR * 100


def test_one_call_more_is_tried_after_twenty_round_trips() -> None:
    pace = Pace(5)
    pace.rejected(pace.epoch)
    successes = 0
    while pace.limit < 5:
        pace.succeeded(LATENCY)
        successes += 1
    assert successes == pytest.approx(4 * ROUND_TRIPS_A_STEP, rel=0.2)


@given(st.lists(st.sampled_from(["succeeded", "rejected now", "rejected late"])), st.none() | st.integers(1, 40))
def test_the_number_stays_between_one_and_the_ceiling(events: list[str], ceiling: int | None) -> None:
    pace, epoch = Pace(ceiling), 0
    for event in events:
        before = pace.limit
        if event == "succeeded":
            pace.succeeded(LATENCY)
            assert pace.limit in (before, before + 1)
        elif event == "rejected now":
            epoch = pace.epoch
            pace.rejected(epoch)
            assert pace.limit <= before
        else:
            pace.rejected(epoch)
            assert pace.limit <= before
        assert 1 <= pace.limit <= (ceiling or MOST)


@pytest.mark.parametrize("allowed", [8, 64, 300])
def test_a_limit_that_holds_still_is_used_almost_fully(allowed: int) -> None:
    seconds = 200.0
    answered, rejected = simulate(Pace(), seconds, lambda now: allowed)
    assert answered >= 0.95 * allowed * seconds / LATENCY
    assert rejected < 0.02 * answered


def test_a_server_that_takes_one_call_at_a_time_is_not_pestered() -> None:
    answered, rejected = simulate(Pace(), 200.0, lambda now: 1)
    assert rejected < 0.1 * answered


def test_a_limit_that_rises_is_found() -> None:
    pace = Pace()
    simulate(pace, 120.0, lambda now: 20 if now < 20 else 200)
    assert pace.limit >= 0.9 * 200


def test_a_limit_that_falls_is_kept_to() -> None:
    seconds = 100.0
    answered, rejected = simulate(Pace(), 2 * seconds, lambda now: 200 if now < seconds else 20)
    assert rejected < 0.02 * answered


def test_a_server_that_never_rejects_is_not_swamped() -> None:
    pace = Pace()
    simulate(pace, 10.0, lambda now: 1_000_000)
    assert pace.limit == MOST


def test_calls_are_spread_over_the_time_that_one_takes() -> None:
    pace = Pace()
    assert pace.interval == 0
    pace.succeeded(0.9)
    assert pace.interval == pytest.approx(0.9 / 9 / AT_FIRST_FASTER)
    pace.rejected(pace.epoch)
    assert pace.interval == pytest.approx(0.9 / (9 * CUT) / FASTER)


def test_the_time_that_a_call_takes_is_that_of_the_last_few() -> None:
    pace = Pace(10)
    for seconds in [5.0] * 50 + [1.0, 3.0] * 50:
        pace.succeeded(seconds)
    assert pace.interval == pytest.approx(2.0 / 10 / AT_FIRST_FASTER, rel=0.1)


def waits(monkeypatch: pytest.MonkeyPatch, calls: list[tuple[float, float]]) -> list[float]:
    """How long calls wait that come at a time each and keep the next one off for some seconds each."""
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told[-1] = seconds

    async def acquire() -> None:
        spacing = Spacing()
        for now, seconds in calls:
            monkeypatch.setattr(pace_module, "time", SimpleNamespace(monotonic=lambda now=now: now))
            told.append(0)
            await spacing.acquire(seconds, sleep)

    asyncio.run(acquire())
    return told


def test_no_two_calls_have_the_same_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(monkeypatch, [(10, 5), (10, 1), (10, 1), (12, 1)]) == [0, 5, 6, 5]


def test_a_turn_that_nobody_took_is_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(monkeypatch, [(10, 1), (20, 1), (20, 1)]) == [0, 0, 1]
