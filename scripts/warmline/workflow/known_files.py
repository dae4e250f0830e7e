"""The digests of files, read again only where size, times or inode say that a file may have changed."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from warmline.lineage import complete_files, digests

KEPT = Path(".snakemake/files.json")

RACY_NANOSECONDS = 100_000_000
"""A file that changed so shortly before it was read may change again without another time."""

FUTURE_NANOSECONDS = 60_000_000_000
"""By so much the clocks of two hosts may differ."""


class KnownFiles:
    """What is known of a study's files, kept from one run of Snakemake to the next."""

    def __init__(self) -> None:
        self._known: dict[str, list[int | str]] = {}
        self._is_new = False
        self.of_the_future: list[str] = []
        """The files met with a time that is yet to come."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            known = json.loads(KEPT.read_text(encoding="utf-8"))
            if isinstance(known, dict):
                self._known = {path: entry for path, entry in known.items() if isinstance(entry, list)}

    def digest(self, path: str) -> str | None:
        """The SHA-256 of a file; None if there is no file. Raises OSError if it cannot be read."""
        try:
            state = digests.state(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if state[1] - time.time_ns() > FUTURE_NANOSECONDS and path not in self.of_the_future:
            self.of_the_future.append(path)
        known = self._known.get(path)
        if known and (*known[:4],) == state:
            return str(known[4])
        digest = digests.of_file(path)
        if time.time_ns() - state[2] > RACY_NANOSECONDS:
            self._keep(path, state, digest)
        return digest

    def note(self, path: str, digest: str, before: int) -> None:
        """Take a job's word for a file that did not change after a time, in nanoseconds of the file system's clock."""
        try:
            state = digests.state(path)
        except FileNotFoundError:
            return
        if state[2] <= before:
            self._keep(path, state, digest)

    def _keep(self, path: str, state: digests.State, digest: str) -> None:
        self._known[path] = [*state, digest]
        self._is_new = True

    def keep(self) -> None:
        """Keep what was read for the next run."""
        if self._is_new:
            KEPT.parent.mkdir(exist_ok=True)
            complete_files.write_text(KEPT, json.dumps(self._known, separators=(",", ":")))
            self._is_new = False
