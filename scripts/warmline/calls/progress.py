"""Progress of long calls: a bar on a terminal, a plain line every few seconds elsewhere.

A job under Snakemake writes its output to a log file. It passes the terminal on as file descriptor 3, where several
jobs at once write lines, each with its job's name.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from typing import TextIO

from tqdm import tqdm

SHARED_DESCRIPTOR = 3
SECONDS_BETWEEN_LINES = 10.0
LINE = "{desc}: {n_fmt} of {total_fmt} rows, {rate_fmt}, {remaining} left{postfix}"
BAR = "{desc}: {bar} {n_fmt} of {total_fmt} rows, {rate_fmt}, {remaining} left{postfix}"


class Progress:
    """Counts the rows of one job. `rows` is how many there are; `label` names the job."""

    def __init__(self, rows: int, label: str) -> None:
        shared = _shared_stream()
        bar = shared is None and sys.stderr.isatty()
        # A terminal that does not tell its size gets a usual one; tqdm by itself would show nothing there.
        size = shutil.get_terminal_size()
        self._bar = tqdm(
            total=rows,
            desc=label,
            unit=" rows",
            file=sys.stderr if bar else _Lines(shared or sys.stderr),
            bar_format=BAR if bar else LINE,
            ncols=size.columns if bar else None,
            nrows=size.lines,
            mininterval=0.2 if bar else SECONDS_BETWEEN_LINES,
            maxinterval=10.0 if bar else SECONDS_BETWEEN_LINES,
            delay=0 if bar else SECONDS_BETWEEN_LINES,
        )

    def known(self, rows: int) -> None:
        """Count rows that needed no call; they do not count in the rate."""
        self._bar.initial += rows
        self._bar.n += rows
        # The recent rate is taken over the rows since the last line.
        self._bar.last_print_n += rows

    def answered(self, usd: float) -> None:
        """One more row is answered; `usd` is what all calls have cost so far, in US dollars."""
        if usd:
            self._bar.set_postfix_str(f"{usd:.2f} USD", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Show how far the job came, unless it was over before its first line was due."""
        self._bar.close()


def say(line: str) -> None:
    """Tell whoever runs the job something at once, on the terminal too where the job's output goes to a log."""
    for stream in filter(None, (_shared_stream(), sys.stderr)):
        print(line, file=stream, flush=True)


class _Lines:
    """A stream on which tqdm's redrawing comes out as lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()


def _shared_stream() -> TextIO | None:
    """Descriptor 3 if it was passed on for writing; what Python itself opens under that number is not inheritable."""
    try:
        passed_on = os.get_inheritable(SHARED_DESCRIPTOR)
        readable_only = fcntl.fcntl(SHARED_DESCRIPTOR, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    except OSError:
        return None
    if not passed_on or readable_only:
        return None
    return open(SHARED_DESCRIPTOR, "w", encoding="utf-8", closefd=False)
