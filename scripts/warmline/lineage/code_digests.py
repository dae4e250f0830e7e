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

from warmline.lineage import complete_files, digests, reach
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
        self._scripts = scripts
        self._state = _state(scripts)
        self._program = _program(scripts, tuple(self._state))
        known = _kept(self._state)
        # A copy of the code, or the same files checked out again.
        self._is_new = not known
        if not known and (content := _content()) and content.get("files") == self._files:
            known = content["known"]
        self._known = {key: Code(**code) for key, code in known.items()}

    @functools.cached_property
    def _files(self) -> str:
        """The digest of all files of the code by their paths."""
        paths = sorted(path for path in self._scripts.rglob("*") if path.is_file() and path.suffix != ".pyc")
        contents = {str(path.relative_to(self._scripts)): digests.of_file(path) for path in paths}
        return digests.of_value([platform.python_version(), contents])

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
            content = {"state": self._state, "files": self._files, "known": known}
            complete_files.write_text(KEPT, json.dumps(content))
            self._is_new = False


@functools.lru_cache(maxsize=1)
def _program(scripts: Path, _state: tuple[str, ...]) -> Program:
    """The program as long as its files stay as they are."""
    return Program(scripts)


def look_up(scripts: Path, script: str, *found: str) -> dict[str, Any] | None:
    """What was kept of a script; None if code that it covers was edited since, or no rule names the script."""
    content = _content()
    code: dict[str, Any] | None = content.get("known", {}).get(_key(script, *found))
    version, *state = _state(scripts)
    if not code or content["state"][0] != version:
        return None
    kept, now = dict(_by_path(content["state"][1:])), dict(_by_path(state))
    # Data files, such as templates, belong to the modules that read them.
    read = {path for path in {*kept, *now} if not path.endswith(".py") and "/" in path}
    covered = {path for name in code["modules"] for path in _paths(scripts.resolve(), name)} | read
    return code if all(kept.get(path) == now.get(path) for path in covered) else None


def _by_path(state: list[str]) -> Iterator[tuple[str, str]]:
    """The states of files by their paths."""
    for line in state:
        path, *rest = line.rsplit(" ", 4)
        yield path, " ".join(rest)


def _paths(scripts: Path, module: str) -> list[str]:
    """Where a module may stand; of a script, its own path."""
    stem = scripts / module.replace(".", "/")
    return [str(scripts / module)] if module.endswith(".py") else [f"{stem}.py", f"{stem}/__init__.py"]


def _key(script: str, *found: str) -> str:
    return " ".join([script, *found])


def _kept(state: list[str]) -> dict[str, Any]:
    content = _content()
    known: dict[str, Any] = content["known"] if content.get("state") == state else {}
    return known


def _content() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content


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
