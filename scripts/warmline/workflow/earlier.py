"""What an earlier version of Warmline made stands: it counts as made by this one, which would make the same.

earlier.json names for a code digest the digests that an earlier version had for a program that makes the same, byte for
byte, so that parameters, cards, states of trainings and keys of the ledger stay as they are; and for each rule the
digest of a command that does what the one of 0.1.0 did, whose records do not name it. A program or a rule that somebody
has changed has another digest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warmline.lineage import digests

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("earlier.json").read_text(encoding="utf-8"))

COMMANDS: dict[str, str] = EARLIER["commands"]


def code(digest: str) -> str:
    """The code digest that stands in parameters: an earlier version's for a program that makes the same."""
    names = EARLIER["code"].get(digest)
    return digests.of_value(names) if names else digest


def state(digest: str) -> str:
    """The code digest by which the state of an unfinished training is found."""
    names: list[str] = EARLIER["code"].get(digest, [digest])
    return names[0]


def is_recorded(modules: dict[str, str], digest: str) -> bool:
    """Whether a record of 0.1.0, with the digests of all modules that a job loaded, is of a program that does the same.

    `digest` is the program's digest now. Where a script found modules by names, the record holds all together.
    """
    names = EARLIER["code"].get(digest, [])
    return digests.of_value(modules) in [*names, EARLIER["recorded"].get(digests.of_value(names))]
