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
    """What was found; `place` is what the configuration calls it, `called` whether a model was called for it."""

    place: str
    state: str
    text: str
    called: bool = False


def finding(place: str, look: Callable[[], str]) -> Finding:
    """What a look finds: its words, or those of the error that it ends with."""
    try:
        return Finding(place, FINE, look())
    except NotHere as error:
        return Finding(place, UNKNOWN, str(error))
    except UserError as error:
        return Finding(place, FAILS, str(error))
    except Exception as error:
        # What a library throws here, it throws in the job too; and the other things are still to be looked at.
        said = str(error).strip().splitlines() or ["it gives no reason"]
        return Finding(place, FAILS, f"{type(error).__name__}: {said[0]}")
