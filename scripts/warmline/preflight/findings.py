"""Findings: what a check says of one thing that a study needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from warmline.lineage.errors import NotHere, UserError

FAILS = "will fail"
UNKNOWN = "cannot be told here"
FINE = "as it should be"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found; `place` is what the configuration calls it."""

    place: str
    state: str
    text: str


def finding(place: str, look: Callable[[], str]) -> Finding:
    """What a look finds: its words, or those of the error that it ends with."""
    try:
        return Finding(place, FINE, look())
    except NotHere as error:
        return Finding(place, UNKNOWN, str(error))
    except UserError as error:
        return Finding(place, FAILS, str(error))
