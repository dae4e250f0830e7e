"""The state of a training that may be killed, kept so that the next job goes on exactly where it was saved.

It lies outside the outputs of any rule, since Snakemake deletes those of a failed job, in a folder named by the
fingerprint of all that decides the adapters: another configuration finds no state. A state and an adapter appear under
their names complete or not at all, and each process prepares them in a folder of its own, so that a job that is killed
while it saves, or runs beside its own requeue, harms nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from warmline.models.cards import ADAPTER_FILES

KEPT = 2
"""States that are kept: should the newest be unreadable, there is another."""

STATE = "step-"


class Stopped(Exception):
    """The training had to stop, and saved its state after `step` steps."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step


class TrainingState:
    """What a training has come to: its newest states by step, and the adapters of the epochs that have passed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.own = Path(tempfile.mkdtemp(prefix="process-", dir=folder))
        """This process's folder, for what is not yet, or no longer, part of the state."""

    def adapter(self, epoch: float) -> Path:
        """The folder of an epoch's adapter."""
        return self.folder / f"epoch-{epoch:g}"

    def newest(self, steps: Mapping[int, float]) -> Path | None:
        """This process's own copy of the newest state whose earlier epochs, given by step, all have their adapters."""
        for state in reversed(self._states()):
            passed = [epoch for step, epoch in steps.items() if step <= step_of(state)]
            if all((self.adapter(epoch) / name).is_file() for epoch in passed for name in ADAPTER_FILES):
                copy = self.own / state.name
                # Another process may have dropped it since for a newer one.
                with contextlib.suppress(OSError):
                    return Path(shutil.copytree(state, copy))
                shutil.rmtree(copy, ignore_errors=True)
        return None

    def keep_state(self, prepared: Path, step: int) -> None:
        """Make a complete state the newest, and drop those that are no longer needed."""
        self._place(prepared, self.folder / f"{STATE}{step}")
        for state in self._states()[:-KEPT]:
            self._drop(state)

    def keep_adapter(self, epoch: float, save: Callable[[Path], None]) -> None:
        """Have an epoch's adapter saved, and keep it until the training ends."""
        prepared = self.own / self.adapter(epoch).name
        save(prepared)
        self._place(prepared, self.adapter(epoch))

    def discard(self) -> None:
        """Remove the whole state; the training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _states(self) -> list[Path]:
        return sorted(self.folder.glob(f"{STATE}*"), key=step_of)

    def _place(self, prepared: Path, place: Path) -> None:
        for path in prepared.rglob("*"):
            if path.is_file():
                # On disk before its name is, should the machine fail.
                with open(path, "rb") as file:
                    os.fsync(file.fileno())
        self._drop(place)
        # Where another process has placed the same meanwhile, that one stays.
        with contextlib.suppress(OSError):
            prepared.rename(place)

    def _drop(self, folder: Path) -> None:
        """Take a folder from its name at once, then delete it."""
        dropped = self.own / f"dropped-{folder.name}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(dropped)
        shutil.rmtree(dropped, ignore_errors=True)


def step_of(state: Path) -> int:
    """The step after which a state was saved."""
    return int(state.name.removeprefix(STATE))


@contextlib.contextmanager
def termination() -> Iterator[threading.Event]:
    """An event that is set when SIGTERM asks the process to end; the signal then no longer ends it."""
    asked = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, previous)
