"""Sources: the files that a study reads from outside, how a configuration names them, and their cards.

A source in the configuration is

- a path, or a list of paths that are read as one table;
- `{path, sha256}`: the same, held to the SHA-256 that is given;
- `{hub, revision, file, sha256}`: a file, or several, of a dataset repository on the Hugging Face hub at a pinned
  commit. They are brought to results/sources/, which all studies share. `sha256` may be left out: then the files are
  held to what they were when first fetched. With `member` the file is a zip archive, and what is read is in it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warmline.lineage import complete_files, digests, places
from warmline.lineage.errors import UserError

STORE = "results/sources"
REVISION_DIGITS = 12
"""Digits of a commit that name a folder of the store."""

Configured = str | Sequence[str] | Mapping[str, Any]
"""A source as the configuration names it."""


@dataclasses.dataclass(frozen=True)
class HubFile:
    """A file of a dataset repository, or the `member` of one that is a zip archive.

    `revision` is a full commit, `sha256` is what the file that is read must have, if anything.
    """

    hub: str
    revision: str
    file: str
    sha256: str | None
    member: str | None = None

    @property
    def stored(self) -> str:
        """The name of what is read, in the folder of the commit."""
        return f"{self.file}.unpacked/{self.member}" if self.member else self.file

    @property
    def path(self) -> str:
        """Where it is brought to."""
        return f"{STORE}/{self.hub.replace('/', '--')}/{self.revision[:REVISION_DIGITS]}/{self.stored}"


def configured(config: Mapping[str, Any]) -> list[Configured]:
    """The sources that a configuration names."""
    tasks = [*config["tasks"].values(), *config.get("capabilities", {}).get("tasks", {}).values()]
    return [config["conversations"]["source"], *(task["source"] for task in tasks)]


def paths(source: Configured) -> list[str]:
    """The files of a source as the configuration names them, those of the hub where they are brought to, in order."""
    if not isinstance(source, Mapping):
        return _listed(source)
    return [file.path for file in hub_files(source)] if "hub" in source else _listed(source["path"])


def inputs(source: Configured) -> list[str]:
    """The files that a source is read from, in order. Raises UserError for one that is neither there nor of the hub."""
    return paths(source) if hub_files(source) else [places.found(path) for path in paths(source)]


def hub_files(source: Configured) -> list[HubFile]:
    """The files of a source that are fetched from the hub; none for local files."""
    if not isinstance(source, Mapping) or "hub" not in source:
        return []
    names = _listed(source["file"])
    pins: Sequence[str | None] = _pins(source, len(names)) or [None] * len(names)
    where = source["hub"], source["revision"]
    return [HubFile(*where, name, pin, source.get("member")) for name, pin in zip(names, pins, strict=True)]


def check_pins(configured: Iterable[Configured]) -> None:
    """Raise UserError unless each source has as many SHA-256s as files, or none, and no file has two different ones."""
    pinned: dict[str, str] = {}
    for source in configured:
        if not isinstance(source, Mapping):
            continue
        files = paths(source)
        for path, pin in zip(files, _pins(source, len(files)) or [], strict=False):
            if pinned.setdefault(path, pin) != pin:
                raise UserError(
                    f"configuration: {path} has two sha256: {pinned[path]} and {pin}. Remove the wrong one."
                )


def origin(source: Configured) -> dict[str, Any] | None:
    """What a reading job must know of a source besides its paths: where it came from, or the SHA-256s to hold it to."""
    if isinstance(source, Mapping):
        kept = ("hub", "revision", "file", "member") if "hub" in source else ("sha256",)
        return {name: source[name] for name in kept if name in source}
    return None


def check(files: Sequence[Path], origin: Mapping[str, Any] | None) -> None:
    """Raise UserError, with both hashes, if a file is not the one that the configuration or the first fetch names."""
    for position, path in enumerate(files):
        if not path.is_file():
            raise UserError(f"the file {path} does not exist. Correct its path in the configuration.")
        if origin is None:
            continue
        if "hub" in origin:
            expected, who = recorded(path), f"{record_of(path)} records"
        else:
            expected, who = _listed(origin["sha256"])[position], "the configuration expects"
        found = digests.of_file(path)
        if expected is not None and found != expected:
            raise UserError(
                f"{path}: its sha256 is {found}, {who} {expected}: the file has changed. Restore it; or, if the new "
                "file is the right one, correct the sha256 in the configuration"
                + (f" or delete {path} and {record_of(path)}." if "hub" in origin else ".")
            )


def record_of(path: Path) -> Path:
    """The file beside a fetched one that keeps its SHA-256, as sha256sum reads it; it is no output of a rule."""
    return path.with_name(f"{path.name}.sha256")


def recorded(path: Path) -> str | None:
    """The SHA-256 that a fetched file had when it was first fetched; None if it never was."""
    record = record_of(path)
    return record.read_text(encoding="utf-8").split()[0] if record.exists() else None


def write_card(
    files: Sequence[Path],
    rows: int,
    card: Path,
    origin: Mapping[str, Any] | None = None,
    noted: Mapping[str, int] | None = None,
) -> None:
    """Write what was read: its origin, each file's path, SHA-256 and bytes, the number of rows in all of them.

    `noted` counts the rows that hold something odd and stay all the same (warmline.sources.oddities).
    """
    named = {name: value for name, value in (origin or {}).items() if name in ("hub", "revision")}
    content = {
        **named,
        "files": [
            {"path": places.named(path), "sha256": digests.of_file(path), "bytes": path.stat().st_size}
            for path in files
        ],
        "rows": rows,
        "noted": dict(sorted((noted or {}).items())),
    }
    complete_files.write_text(card, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _pins(source: Mapping[str, Any], files: int) -> list[str] | None:
    if "sha256" not in source:
        return None
    pins = _listed(source["sha256"])
    if len(pins) != files:
        raise UserError(f"a source has {files} files and {len(pins)} sha256: give one for each file, in their order.")
    return pins


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
