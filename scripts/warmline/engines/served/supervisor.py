"""Runs a command for as long as the process that started this one lives, and leaves none of its processes behind.

    python supervisor.py COMMAND [WORD ...]

The end of standard input says that the job is over, however it ended: the operating system closes a killed job's pipes
too. Then, or when the command ends by itself, all processes that descend from it are ended, those in sessions of their
own included. The exit status is the command's, or 128 and the number of the signal that killed it.

Run as a file of its own, it imports nothing of warmline: it has to be there within milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import signal
import subprocess
import sys
import time

import psutil

SECONDS_TO_END = 10.0
"""What processes may take to end when asked to, such as to free the memory of a GPU. Then they are killed."""
SECONDS_TO_DIE = 30.0
LOOKS_A_SECOND = 10
PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""


def main() -> int:
    """Run the command in the arguments."""
    told_to_end = False

    def end(*_: object) -> None:
        nonlocal told_to_end
        told_to_end = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    adopt_orphans()
    # The command must not hold this process's input open, nor be ended by what ends the job's session.
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    while server.poll() is None and not told_to_end and not select.select([0], [], [], 1 / LOOKS_A_SECOND)[0]:
        pass
    status = server.poll()
    end_descendants()
    return 0 if status is None else status if status >= 0 else 128 - status


def adopt_orphans() -> None:
    """Have processes whose parent ended become this one's children, where the system is Linux, so that none is lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """End every process that descends from this one; new ones may appear meanwhile."""
    started = time.monotonic()
    asked: set[psutil.Process] = set()
    while (found := psutil.Process().children(recursive=True)) and time.monotonic() - started < SECONDS_TO_DIE:
        patient = time.monotonic() - started < SECONDS_TO_END
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                if not patient:
                    process.kill()
                elif process not in asked:
                    asked.add(process)
                    process.terminate()
        psutil.wait_procs(found, timeout=1 / LOOKS_A_SECOND)


if __name__ == "__main__":
    sys.exit(main())
