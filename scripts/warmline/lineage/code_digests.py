"""The code digest of each script, kept beside Snakemake's own notes, so that only code that changed is parsed again.

Jobs look theirs up and parse nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
from pathlib import Path
from typing import Any

from warmline.lineage import complete_files, digests, reach
from warmline.lineage.program import Program

KEPT = Path(".snakemake/code.json")
VERSION = platform.python_version()


@dataclasses.dataclass(frozen=True)
class Code:
    """What a script covers: one digest of all of it, and one of what it covers of each module."""

    digest: str
    modules: dict[str, str]


class CodeDigests:
    """Code digests of the scripts in a folder, beside the library."""

    def __init__(self, scripts: Path) -> None:
        self._scripts = scripts
        self._states = _states(scripts)
        self._program = _program(scripts, json.dumps(self._states))
        content = _content()
        is_same = content.get("states") == self._states
        # A copy of the code, or the same files checked out again.
        known = content["known"] if content and (is_same or content["files"] == self._files) else {}
        self._is_new = not is_same
        self._known = {key: Code(**code) for key, code in known.items()}

    @functools.cached_property
    def _files(self) -> dict[str, str]:
        """The digests of all files of the code, by their paths."""
        return {path: digests.of_file(self._scripts / path) for path in self._states}

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
            content = {"python": VERSION, "states": self._states, "files": self._files, "known": known}
            complete_files.write_text(KEPT, json.dumps(content))
            self._is_new = False


@functools.lru_cache(maxsize=1)
def _program(scripts: Path, _states: str) -> Program:
    """The program as long as its files stay as they are."""
    return Program(scripts)


def look_up(scripts: Path, script: str, *found: str) -> dict[str, Any] | None:
    """What was kept of a script; None if code that it covers was edited since, or no rule names the script."""
    content = _content()
    code: dict[str, Any] | None = content.get("known", {}).get(_key(script, *found))
    if not code:
        return None
    states, files = content["states"], content["files"]
    names = {path for name in code["modules"] for path in _paths(name)}
    # Data files, such as templates, belong to the modules that read them.
    covered = {path: state for path, state in _states(scripts).items() if path in names or not path.endswith(".py")}
    for path, state in covered.items():
        # Hosts that share a disk may see other states of one file.
        if states.get(path) != state and files.get(path) != digests.of_file(scripts / path):
            return None
    return code if all(path in covered for path in states if path in names) else None


def _paths(module: str) -> list[str]:
    """Where a module may stand; of a script, its own path."""
    stem = module.replace(".", "/")
    return [module] if module.endswith(".py") else [f"{stem}.py", f"{stem}/__init__.py"]


def _key(script: str, *found: str) -> str:
    return " ".join([script, *found])


def _content() -> dict[str, Any]:
    try:
        return _content_of(KEPT.absolute(), digests.state(KEPT))
    except (FileNotFoundError, ValueError):
        return {}


@functools.lru_cache(maxsize=1)
def _content_of(path: Path, _state: digests.State) -> dict[str, Any]:
    """What is kept, as long as the file stays as it is."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # Another Python reads a program otherwise.
    return content if content.get("python") == VERSION else {}


def _states(scripts: Path) -> dict[str, list[int]]:
    """What shows that all files of the code are as they were, by their paths (warmline.lineage.digests.state)."""
    found = {}
    above = len(os.path.join(scripts, ""))
    for folder, folders, names in os.walk(scripts):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(folder, name)
            found[path[above:]] = list(digests.state(path))
    return found
