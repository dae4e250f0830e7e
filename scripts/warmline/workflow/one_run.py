"""One run of a study at a time, for the whole of it: the three invocations of `make run`, or one of Snakemake.

A run is known by a file in the study's folder, so that hosts that share the disk see it too.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from warmline.lineage import complete_files
from warmline.lineage.errors import UserError

FILE = ".run.json"

WITHIN = "WARMLINE_RUN"
"""The variable that tells the invocations of one run apart from those of others: its process."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a study's folder for this process, or be a part of the run that holds it. Raises UserError as `hold`."""
    hold(folder)
    try:
        yield
    finally:
        let_go(folder)


def hold(folder: Path) -> None:
    """Hold a study's folder for this process and those that it starts with WITHIN in their environment.

    What a process of this host held that has ended is taken over. Raises UserError if another run holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = psutil.Process()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    own = {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time(), "since": now}
    while not complete_files.create_text(folder / FILE, json.dumps(own) + "\n"):
        holder = _holder(folder)
        if holder is None:
            continue
        if holder and (_is_this_process(holder) or os.environ.get(WITHIN) == str(holder["pid"])):
            return
        if holder and (holder["host"] != own["host"] or _lives(holder)):
            raise UserError(
                f"{folder} is being worked on by process {holder['pid']} of {holder['host']}, since {holder['since']}. "
                f"Wait for it, or stop it. If it has ended without a word, as when its host fell, remove "
                f"{folder / FILE}."
            )
        _take_away(folder, holder)


def let_go(folder: Path) -> None:
    """Let others run the study, if this process holds it."""
    if (holder := _holder(folder)) and _is_this_process(holder):
        release(folder)


def release(folder: Path) -> None:
    """Let others run the study."""
    (folder / FILE).unlink(missing_ok=True)


def _holder(folder: Path) -> dict[str, Any] | None:
    """Who holds a folder; None if nobody does, and empty where the file was damaged."""
    try:
        return _read(folder / FILE)
    except FileNotFoundError:
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except ValueError:
        return {}
    is_whole = isinstance(holder, dict) and {"host", "pid", "started", "since"} <= holder.keys()
    return holder if is_whole and isinstance(holder["pid"], int) else {}


def _is_this_process(holder: dict[str, Any]) -> bool:
    return bool(holder["host"] == socket.gethostname() and holder["pid"] == os.getpid())


def _lives(holder: dict[str, Any]) -> bool:
    try:
        return bool(psutil.Process(holder["pid"]).create_time() == holder["started"])
    except psutil.NoSuchProcess:
        return False


def _take_away(folder: Path, holder: dict[str, Any]) -> None:
    """Remove the file of a process that has ended, unless another process has put its own there meanwhile."""
    aside = folder / f"{FILE}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder / FILE, aside)
        if _read(aside) != holder:
            with contextlib.suppress(FileExistsError):
                os.link(aside, folder / FILE)
        aside.unlink()
