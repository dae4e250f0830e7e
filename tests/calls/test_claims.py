"""A request is asked once, whoever needs it: processes of several hosts on one ledger, whatever befalls them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import claiming_job
import pytest
from claiming_job import MODEL, question
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_simulator.client import Simulator
from repository import REPOSITORY

from warmline.calls import claims
from warmline.calls.claims import CLAIMANT, Claims, Sighting, Times
from warmline.calls.ledger import Ledger
from warmline.engines.remote.chat import FAULTS_IN_A_ROW

QUICK = {"look": 0.05}
SHORT = {"renewal": 0.1, "expiry": 0.6, "look": 0.05}
CHAT = "/v1/chat/completions"


class Jobs:
    """Processes that ask the simulator for the same ledger."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.ledger = folder / "ledger"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, questions: list[int], times: dict[str, float] = QUICK, **options: Any) -> subprocess.Popen[str]:
        ledger = options.pop("ledger", self.ledger)
        given = {"questions": questions, "times": times, "at_once": 8, **options}
        job = subprocess.Popen(
            [sys.executable, claiming_job.__file__, self.simulator.url, str(ledger), json.dumps(given)],
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}/scripts"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(job)
        return job

    def answered(self) -> list[int]:
        """How often each question was answered that was answered at all."""
        counts: dict[str, int] = self.simulator.counts()["answered"]
        return list(counts.values())

    def kept(self, numbers: list[int]) -> set[int]:
        """The questions whose answers are in the ledger."""
        keys = {question(number).key(MODEL.respondent): number for number in numbers}
        return {keys[key] for key in Ledger(self.ledger).responses(MODEL.respondent, keys)}


@pytest.fixture
def jobs(simulator: Simulator, tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(simulator, tmp_path)
    yield jobs
    for job in jobs.started:
        job.kill()
        job.communicate()


def go(*jobs: subprocess.Popen[str]) -> None:
    """Have jobs begin, all at once, when the last is ready."""
    for job in jobs:
        assert job.stdout and job.stdout.readline() == "ready\n"
    for job in jobs:
        assert job.stdin
        job.stdin.write("\n")
        job.stdin.flush()


def ended(job: subprocess.Popen[str]) -> dict[str, Any]:
    """The receipt that a job leaves, or its error."""
    output, errors = job.communicate(timeout=120)
    assert job.returncode == 0, errors
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def waits(job: subprocess.Popen[str]) -> str:
    """What a job says once it waits for others."""
    assert job.stderr
    return job.stderr.readline()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_processes_with_overlapping_requests_ask_each_once(jobs: Jobs, elsewhere: bool) -> None:
    jobs.simulator.set(latency=0.01)
    draw = random.Random(652)
    asked = [draw.sample(range(700), 400) for _ in range(4)]
    places = [{"place": f"host {number % 2}"} if elsewhere else {} for number in range(4)]
    go(*[jobs.start(some, **where) for some, where in zip(asked, places, strict=True)])
    receipts = [ended(job) for job in jobs.started]
    union = set().union(*asked)
    assert jobs.answered() == [1] * len(union)
    assert jobs.kept(list(range(700))) == union
    new = [receipt["this_run"]["new"] for receipt in receipts]
    assert sum(new) == len(union)
    assert all(new)
    assert [receipt["answers"] for receipt in receipts] == [400] * 4
    assert [receipt["this_run"]["asked_twice"] for receipt in receipts] == [0] * 4


def test_two_processes_with_the_same_requests_share_them_and_leave_equal_receipts(jobs: Jobs) -> None:
    jobs.simulator.set(latency=0.02)
    go(jobs.start(list(range(600))), jobs.start(list(range(600))))
    receipts = [ended(job) for job in jobs.started]
    assert jobs.answered() == [1] * 600
    new = [receipt.pop("this_run")["new"] for receipt in receipts]
    assert sum(new) == 600
    assert min(new) > 0
    assert receipts[0] == receipts[1]


def test_two_folders_that_lead_to_one_ledger_ask_once(jobs: Jobs, tmp_path: Path) -> None:
    jobs.simulator.set(latency=0.02)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "link").symlink_to("ledger")
    go(jobs.start(list(range(200))), jobs.start(list(range(200)), ledger=tmp_path / "link"))
    for job in jobs.started:
        ended(job)
    assert jobs.answered() == [1] * 200


def test_what_a_killed_process_left_is_asked_at_once_and_what_it_was_answered_is_not(jobs: Jobs) -> None:
    jobs.simulator.set(latency=0.05)
    numbers = list(range(100))
    first, second = jobs.start(numbers, at_once=2), jobs.start(numbers)
    go(first)
    wait_until(lambda: len(jobs.kept(numbers)) > 5)
    go(second)
    assert f"process {first.pid} of " in waits(second)
    first.kill()
    first.communicate()
    # Long before the claim would run out.
    receipt = ended(second)
    assert receipt["answers"] == 100
    assert jobs.kept(numbers) == set(numbers)
    # What was on its way when it was killed was answered to nobody.
    assert sum(times - 1 for times in jobs.answered()) <= 2
    assert receipt["this_run"]["asked_twice"] == 0


def test_what_a_dead_process_of_another_host_left_is_asked_once_its_claim_has_run_out(jobs: Jobs) -> None:
    jobs.simulator.set(latency=0.05)
    numbers = list(range(100))
    first, second = jobs.start(numbers, times=SHORT, at_once=2, place="another host"), jobs.start(numbers)
    go(first)
    wait_until(lambda: len(jobs.kept(numbers)) > 5)
    first.kill()
    first.communicate()
    go(second)
    assert "waiting for" in waits(second)
    assert ended(second)["answers"] == 100
    assert sum(times - 1 for times in jobs.answered()) <= 2


def test_rows_are_asked_twice_only_if_a_claim_ran_out_while_its_owner_lived_and_are_counted(jobs: Jobs) -> None:
    jobs.simulator.set(latency=0.05)
    numbers = list(range(100))
    first, later = jobs.start(numbers, times=SHORT, at_once=2), jobs.start(numbers)
    go(first)
    wait_until(lambda: len(jobs.kept(numbers)) > 5)
    first.send_signal(signal.SIGSTOP)
    go(later)
    second = ended(later)
    first.send_signal(signal.SIGCONT)
    stopped = ended(first)
    twice = sum(times - 1 for times in jobs.answered())
    assert stopped["this_run"]["asked_twice"] == twice <= 2
    assert second["this_run"]["asked_twice"] == 0
    # Whoever reads the ledger takes the earlier answer, and so do both receipts.
    assert stopped["root"] == second["root"]
    assert stopped["answers"] == second["answers"] == 100
    assert second["this_run"]["new"] >= 80


def test_a_request_that_failed_elsewhere_is_asked_by_who_waits_for_it(jobs: Jobs) -> None:
    jobs.simulator.set(latency=0.05)
    jobs.simulator.order(CHAT, "no_choices", times=3 * FAULTS_IN_A_ROW)
    numbers = list(range(60))
    first, second = jobs.start(numbers, at_once=1), jobs.start(numbers)
    go(first)
    wait_until(lambda: len(jobs.kept(numbers)) > 2)
    go(second)
    assert "3 requests to" in ended(first)["error"]
    receipt = ended(second)
    assert (receipt["answers"], receipt["this_run"]["new"]) == (60, 3)
    assert jobs.answered() == [1] * 60


def test_a_process_that_breaks_down_gives_back_what_it_claimed(tmp_path: Path) -> None:
    with Ledger(tmp_path).writer(MODEL.respondent) as writer:
        one, other = Claims(writer, Times()), Claims(writer, Times())
        one.look()
        assert one.take([b"a" * 32])
        other.look()
        assert other.held(b"a" * 32)
        one.release()
        other.look()
        assert not other.held(b"a" * 32)
        assert not list(tmp_path.rglob(f"*{CLAIMANT}"))


def test_who_needs_no_answer_claims_nothing(jobs: Jobs) -> None:
    first, second = jobs.start([1, 2]), jobs.start([2, 1, 2])
    go(first)
    ended(first)
    before = sorted(path.name for path in jobs.ledger.rglob("*"))
    go(second)
    receipt = ended(second)
    assert receipt["this_run"]["new"] == 0
    assert sorted(path.name for path in jobs.ledger.rglob("*")) == before


def test_the_ledger_of_a_shared_folder_is_shared(tmp_path: Path) -> None:
    (ledger := tmp_path / "ledger").mkdir()
    ledger.chmod(0o2775)
    with Ledger(ledger).writer(MODEL.respondent) as writer:
        claiming = Claims(writer, Times())
        claiming.look()
        claiming.take([b"a" * 32])
        claiming.release()
    folders = [path for path in ledger.rglob("*") if path.is_dir()]
    assert len(folders) == 2
    assert {path.stat().st_mode & 0o7777 for path in folders} == {0o2775}


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), min_size=1), st.floats(1, 60))
def test_a_claim_runs_out_when_it_was_not_seen_to_change_for_its_time(
    looks: list[tuple[float, bool]], expiry: float
) -> None:
    """Looks at any intervals, before each of which the claim was renewed or not; no two clocks are compared."""
    now, mark, changed_at = 0.0, 10**18, 0.0
    sighting = Sighting(mark, now)
    for seconds, renewed in looks:
        now += seconds
        if renewed:
            # A host's clock may be set back.
            mark -= 1
            changed_at = now
        sighting = sighting.seen_again(mark, now)
        assert sighting.ran_out(now, expiry) == (now - changed_at > expiry)


KEYS = [bytes([number]) * 32 for number in range(4)]
# How often each step is drawn.
STEPS = {"look": 6, "take": 6, "settle": 6, "fail": 1, "release": 1, "pass time": 1, "renew": 2}


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_in_whatever_order_claimants_look_and_take_nothing_is_asked_twice_while_its_claim_is_renewed(seed: int) -> None:
    draw = random.Random(seed)
    names = draw.choices(list(STEPS), list(STEPS.values()), k=150)
    steps = [(name, draw.randrange(3), set(draw.sample(KEYS, draw.randint(1, 2)))) for name in names]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        clock = 0.0
        patch.setattr(claims.time, "monotonic", lambda: clock)
        # Nothing renews but the steps.
        patch.setattr(claims.threading, "Thread", _NoThread)
        with Ledger(folder).writer(MODEL.respondent) as writer:
            everyone = [_Model(Claims(writer, Times(expiry=10.0))) for _ in range(3)]
            answered: set[bytes] = set()
            # Answered to one whose claim had run out, when another may already have found it free.
            late: set[bytes] = set()
            for step, number, keys in steps:
                one = everyone[number]
                if step == "look":
                    one.look(answered)
                elif step == "take" and (free := one.free(keys)):
                    holding = {key: other for other in everyone for key in other.asking if other is not one}
                    if one.claims.take(free):
                        assert not set(free) & (answered - late)
                        assert all(holding[key].lapsed(clock) for key in free if key in holding)
                        one.begin(free, clock)
                    else:
                        one.looked = False
                elif step in ("settle", "fail") and (key := next(iter(sorted(one.asking)), None)):
                    one.asking.discard(key)
                    one.claims.settle(key)
                    if step == "settle":
                        answered.add(key)
                        one.known.add(key)
                        late |= {key} if one.lapsed(clock) else set()
                elif step == "release":
                    one.release()
                elif step == "pass time":
                    clock += 6.0
                elif step == "renew":
                    one.renew(clock)
            for one in everyone:
                one.claims.release()


class _NoThread:
    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        pass


class _Model:
    """A claimant as `ask` is one: it knows of the ledger what was there when a look said that there may be more."""

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.known: set[bytes] = set()
        self.asking: set[bytes] = set()
        self.looked = False
        self.name: str | None = None
        self.renewed_at = 0.0
        self.ran_out = False
        self.marks = 0

    def look(self, answered: set[bytes]) -> None:
        if self.claims.look():
            self.known |= answered
        self.looked = True

    def free(self, keys: set[bytes]) -> list[bytes]:
        if not self.looked:
            return []
        return sorted(key for key in keys - self.known - self.asking if not self.claims.held(key))

    def begin(self, keys: list[bytes], now: float) -> None:
        if self.claims._name != self.name:
            self.name, self.renewed_at, self.ran_out = self.claims._name, now, False
        self.asking |= set(keys)
        # Every block is looked at anew.
        self.looked = False

    def lapsed(self, now: float) -> bool:
        """Whether the claims have run out at any time: who saw it then may take them even after a late renewal."""
        return self.ran_out or now - self.renewed_at > 10.0

    def renew(self, now: float) -> None:
        name = self.claims._name
        if name is None:
            return
        path = self.claims.folder / f"{name}{CLAIMANT}"
        renew_lost: threading.Event = self.claims._lost
        claims.renew(path, renew_lost)
        if renew_lost.is_set():
            # `ask` begins no row of a claim that is lost; those on their way come to nothing here.
            self.release()
        else:
            self.marks += 1
            os.utime(path, ns=(self.marks, self.marks))
            self.ran_out = self.lapsed(now)
            self.renewed_at = now

    def release(self) -> None:
        self.claims.release()
        self.asking.clear()
        self.looked = False
