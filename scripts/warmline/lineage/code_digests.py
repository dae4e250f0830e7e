"""The code digest of each script, kept beside Snakemake's own notes, so that only code that changed is parsed again.

Jobs look theirs up and parse nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warmline.lineage import complete_files, reach
from warmline.lineage.program import Program

KEPT = Path(".snakemake/code.json")


@dataclasses.dataclass(frozen=True)
class Code:
    """What a script covers: one digest of all of it, and one of what it covers of each module."""

    digest: str
    modules: dict[str, str]


class CodeDigests:
    """Code digests of the scripts in a folder, beside the library."""

    def __init__(self, scripts: Path) -> None:
        self._state = _state(scripts)
        self._program = _program(scripts, tuple(self._state))
        self._known = {key: Code(**code) for key, code in _kept(self._state).items()}
        self._is_new = False

    def of(self, script: str, *found: str) -> Code:
        """What a script covers (warmline.lineage.reach.of_script)."""
        key = _key(script, *found)
        if key not in self._known:
            covered = reach.of_script(self._program, script, *found)
            self._known[key] = Code(covered.digest, covered.modules())
            self._is_new = True
        return self._known[key]

    def keep(self) -> None:
        """Keep what was found for whoever asks next."""
        if self._is_new:
            KEPT.parent.mkdir(exist_ok=True)
            known = {key: dataclasses.asdict(code) for key, code in self._known.items()}
            complete_files.write_text(KEPT, json.dumps({"state": self._state, "known": known}))
            self._is_new = False


@functools.lru_cache(maxsize=1)
def _program(scripts: Path, _state: tuple[str, ...]) -> Program:
    """The program as long as its files stay as they are."""
    return Program(scripts)


def look_up(scripts: Path, script: str, *found: str) -> dict[str, Any] | None:
    """What was kept of a script; None if the code was edited since, or a script was run that no rule names."""
    return _kept(_state(scripts)).get(_key(script, *found))


def _key(script: str, *found: str) -> str:
    return " ".join([script, *found])


def _kept(state: list[str]) -> dict[str, Any]:
    try:
        content = json.loads(KEPT.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    known: dict[str, Any] = content["known"] if content["state"] == state else {}
    return known


def _state(scripts: Path) -> list[str]:
    """What shows that all files of the code are as they were, as in git's index: size, times and inode."""
    return [platform.python_version(), *_states(scripts.resolve())]


def _states(folder: Path) -> Iterator[str]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _states(Path(entry.path))
        elif entry.is_file():
            stat = entry.stat()
            yield f"{entry.path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
