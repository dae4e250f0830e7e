"""What the workflow gives a job beside its command line, for the job's record.

The process that starts a job writes its order, and the job takes it. A job that somebody runs by hand has none.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmline.lineage import complete_files

FOLDER = Path(".snakemake/orders")


def write(record: str, order: dict[str, Any]) -> None:
    """Leave an order for the job with this record."""
    path = _path(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    complete_files.write_text(path, json.dumps(order))


def take(record: str, words: Sequence[str]) -> dict[str, Any]:
    """The order of the job with this record, which is gone then.

    Empty if there is none for these words, as of a command that somebody has changed.
    """
    path = _path(record)
    try:
        order: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    path.unlink(missing_ok=True)
    return order if _is_for(order, words) else {}


def _is_for(order: dict[str, Any], words: Sequence[str]) -> bool:
    """Whether the settings that the workflow gave stand in a command."""
    command = f" {shlex.join(words)} "
    params = order["given"]["params"].items()
    settings = [shlex.join(shlex.split(value)) for name, value in params if name not in ("code", "order")]
    return all(f" {setting} " in command for setting in settings if setting)


def _path(record: str) -> Path:
    return FOLDER / f"{record}.json"
