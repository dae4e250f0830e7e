"""How many requests of a job were turned down for good, in its record: such a job can be made again.

An answer hangs on its request alone, but for these: asked again, they may be answered.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from warmline.calls.requests import UNANSWERABLE, Response

NOTE = "turned_down"


def note(arguments: argparse.Namespace, responses: Iterable[tuple[str, Response]]) -> None:
    """Have the job's record count those of the keys and responses that a job writes out of the ledger."""
    add(arguments, sum(response.finish_reason == UNANSWERABLE for _, response in responses))


def add(arguments: argparse.Namespace, number: int) -> None:
    """Have the job's record count as many more."""
    setattr(arguments, NOTE, getattr(arguments, NOTE, 0) + number)


def noted(record: dict[str, Any]) -> int:
    """What the record of a job counts."""
    return int(record.get("params", {}).get(NOTE, 0))
