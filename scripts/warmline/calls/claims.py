"""Claims: of several processes that need the same answer, one asks for it and the others wait.

Whoever is about to ask writes the keys of a block of requests into a file, in the folder `claims` of the respondent,
whose name is the next free number. Hosts need no locks for it: a link is made whole or not at all and no name twice, so
that who has made number n has seen all claims before it, and n holds no key of theirs. The file with the highest number
is never deleted, so that numbers only grow.

A claim holds while the file of its claimant, `<name>.claimant`, is there and is renewed. One thread does that, which
only touches the file: engines may block for minutes, and batches take hours. Whether it is renewed, others judge by
their own clocks: it has not changed for as long as its claimant says. A process of this host that is gone is seen at
once. Whoever finds a claim void takes what it needs by a claim of its own, and then deletes the claimant's file, by
which a claimant that was merely stopped knows that it has lost its claims.

Nobody waits while holding a claim, so that no two wait for each other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import getpass
import json
import math
import os
import threading
import time
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from warmline.calls.ledger import ANSWERS, Writer, make_alike
from warmline.lineage import complete_files, processes

CLAIMANT = ".claimant"
_GONE = (errno.ENOENT, errno.ESTALE)


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds: between renewals of a claim; without one until it has run out; between two looks of one who waits."""

    renewal: float = 20.0
    expiry: float = 180.0
    look: float = 5.0


@dataclasses.dataclass(frozen=True)
class Sighting:
    """A claimant's file as someone else has seen it: its time, and since when by the observer's clock it is that."""

    mark: int
    since: float

    def seen_again(self, mark: int, now: float) -> Sighting:
        return self if mark == self.mark else Sighting(mark, now)

    def ran_out(self, now: float, expiry: float) -> bool:
        return now - self.since > expiry


@dataclasses.dataclass(frozen=True)
class _Claim:
    claimant: str
    keys: frozenset[bytes]


@dataclasses.dataclass
class _Claimant:
    """Another claimant: what its file says, and when it was seen to change."""

    said: dict[str, Any]
    sighting: Sighting


class Claims:
    """One process's view of the claims on a respondent's requests, and its own claims. Keys are of 32 bytes."""

    def __init__(self, writer: Writer, times: Times) -> None:
        self.folder = writer.folder / "claims"
        self.met = False
        """Whether others have claimed anything, or taken what was claimed here, since the beginning."""
        self.files: set[str] = set()
        """The names of the files that other claimants write their answers to."""
        self._writer = writer
        self._times = times
        self._others: dict[int, _Claim] = {}
        self._claimants: dict[str, _Claimant] = {}
        self._void: set[int] = set()
        self._highest = 0
        self._seen: tuple[frozenset[int], int] | None = None
        # How many rows of each own claim are still to be answered, by its number, and the number of each such row.
        self._open: dict[int, int] = {}
        self._claimed: dict[bytes, int] = {}
        self._own_numbers: set[int] = set()
        self._name: str | None = None
        self._renewing = threading.Event()
        self._lost = threading.Event()
        self._looked_after = -math.inf

    @property
    def lost(self) -> bool:
        """Whether the claims ran out, and someone else has taken them."""
        now = time.monotonic()
        if self._name is not None and now - self._looked_after > self._times.renewal:
            # Whoever was stopped may go on before the thread that renews does.
            renew(self.folder / f"{self._name}{CLAIMANT}", self._lost)
        self._looked_after = now
        return self._lost.is_set()

    def look(self) -> bool:
        """See who claims what. True if others have claimed or let go since: the ledger may hold more."""
        numbers = self._numbers()
        self._highest = max(numbers, default=0)
        for number in self._others.keys() - numbers:
            del self._others[number]
        for number in numbers - self._others.keys() - self._own_numbers:
            self._others[number] = _read_claim(self.folder / str(number))
        now = time.monotonic()
        claimants = {claim.claimant for claim in self._others.values()}
        holding = {claimant for claimant in claimants if self._holds(claimant, now)}
        self._void = {number for number, claim in self._others.items() if claim.claimant not in holding}
        live = frozenset(self._others.keys() - self._void)
        last = self._highest if self._highest not in self._own_numbers else self._seen[1] if self._seen else 0
        before, self._seen = self._seen, (live, last)
        self.met = self.met or bool(live) or (before is not None and before != self._seen)
        return before != self._seen

    def held(self, key: bytes) -> bool:
        """Whether someone else was asking this, when last looked."""
        return any(key in claim.keys for number, claim in self._others.items() if number not in self._void)

    def claimants(self) -> list[str]:
        """Who held claims when last looked, for a message."""
        names = {claim.claimant for number, claim in self._others.items() if number not in self._void}
        said = [self._claimants[name].said for name in sorted(names)]
        return [f"process {one['pid']} of {one['user']} on {one['host']}" for one in said]

    def take(self, keys: Collection[bytes]) -> bool:
        """Claim what nobody else held when last looked. False if someone has claimed meanwhile: look again."""
        if self.lost:
            self.release()
        if self._name is None:
            self._begin()
        number = self._highest + 1
        content = json.dumps({"claimant": self._name, "keys": [key.hex() for key in keys]})
        if not self._make(number, content):
            return False
        if max(self._numbers()) > number:
            # The number was free again because it was made and deleted since the last look.
            (self.folder / str(number)).unlink(missing_ok=True)
            return False
        self._own_numbers.add(number)
        self._highest = number
        self._open[number] = len(keys)
        self._claimed.update(dict.fromkeys(keys, number))
        self._tidy()
        return True

    def settle(self, key: bytes) -> None:
        """A row that was claimed is answered, or has failed."""
        number = self._claimed.pop(key, None)
        if number is not None:
            self._open[number] -= 1

    def release(self) -> None:
        """Let go of all that is claimed."""
        if self._name is None:
            return
        self.met = self.met or self.lost
        self._writer.sync()
        self._renewing.set()
        (self.folder / f"{self._name}{CLAIMANT}").unlink(missing_ok=True)
        self._delete(self._open.keys())
        self._open.clear()
        self._claimed.clear()
        self._name = None
        self._lost = threading.Event()

    def _begin(self) -> None:
        self._writer.make_part()
        make_alike(self.folder)
        self._name = uuid.uuid4().hex
        path = self.folder / f"{self._name}{CLAIMANT}"
        said = {
            **processes.identity(),
            "user": _user(),
            "answers": f"{self._writer.name}{ANSWERS}",
            "seconds": self._times.expiry,
        }
        complete_files.write_text(path, json.dumps(said) + "\n")
        self._renewing = threading.Event()
        arguments = (path, self._times.renewal, self._renewing, self._lost)
        threading.Thread(target=_keep_renewing, args=arguments, name="claims", daemon=True).start()

    def _make(self, number: int, content: str) -> bool:
        """Make the file of a claim, whole. False if there is one of this number."""
        partial = self.folder / f".{self._name}.partial"
        partial.write_text(content, encoding="ascii")
        try:
            os.link(partial, self.folder / str(number))
        except FileExistsError:
            # Over NFS the reply to a link that was made may be lost, and the repeated call then fails.
            return partial.stat().st_nlink > 1
        finally:
            partial.unlink()
        return True

    def _tidy(self) -> None:
        """Delete claims that hold no longer: the own that are settled, and those of claimants that are gone."""
        settled = {number for number, rows in self._open.items() if not rows}
        if settled:
            self._writer.sync()
        for claimant in {self._others[number].claimant for number in self._void}:
            (self.folder / f"{claimant}{CLAIMANT}").unlink(missing_ok=True)
            self._claimants.pop(claimant, None)
        self._delete(settled | self._void)
        for number in settled:
            del self._open[number]
        for number in self._void:
            del self._others[number]
        self._void = set()

    def _delete(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number < self._highest:
                (self.folder / str(number)).unlink(missing_ok=True)

    def _numbers(self) -> set[int]:
        try:
            return {int(name) for name in os.listdir(self.folder) if name.isdecimal()}
        except FileNotFoundError:
            return set()

    def _holds(self, name: str, now: float) -> bool:
        """Whether a claimant's claims hold."""
        try:
            # Opened, as a shared file system may be late to tell the time of a file otherwise.
            with open(self.folder / f"{name}{CLAIMANT}", encoding="utf-8") as file:
                mark = os.fstat(file.fileno()).st_mtime_ns
                if name not in self._claimants:
                    self._claimants[name] = _Claimant(json.load(file), Sighting(mark, now))
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise
        known = self._claimants[name]
        known.sighting = known.sighting.seen_again(mark, now)
        self.files.add(known.said["answers"])
        return not processes.has_ended(known.said) and not known.sighting.ran_out(now, known.said["seconds"])


def _read_claim(path: Path) -> _Claim:
    """A claim; one that holds nothing if it was deleted meanwhile, or came to harm with the machine of its claimant."""
    try:
        said = json.loads(path.read_text(encoding="ascii"))
        return _Claim(said["claimant"], frozenset(map(bytes.fromhex, said["keys"])))
    except ValueError:
        return _Claim("", frozenset())
    except OSError as error:
        if error.errno in _GONE:
            return _Claim("", frozenset())
        raise


def _keep_renewing(path: Path, seconds: float, stop: threading.Event, lost: threading.Event) -> None:
    while not lost.is_set() and not stop.wait(seconds):
        renew(path, lost)


def renew(path: Path, lost: threading.Event) -> None:
    """Touch a claimant's file, or say that it was lost."""
    try:
        os.utime(path)
    except OSError as error:
        # Any other error may pass, as that of a file system that is out of reach for a while.
        if error.errno in _GONE:
            lost.set()


def _user() -> str:
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return str(os.getuid())
