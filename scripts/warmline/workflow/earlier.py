"""What an earlier version of Warmline made is brought over: it counts as made by this one, which would make the same.

earlier.json names for a code digest the digests that an earlier version had for a program that makes the same, byte for
byte, so that parameters, cards, states of trainings and keys of the ledger stay as they are; and for each rule the
digest of its command now and of earlier ones that did the same, so that Snakemake's notes can be given the command of
now. A program or a rule that somebody has changed has another digest, and is not brought over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmline.lineage import complete_files, digests

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("earlier.json").read_text(encoding="utf-8"))

NOTES = Path(".snakemake/metadata")

DONE = Path(".snakemake/brought-over")
"""Says for which earlier commands Snakemake's notes have been gone through."""


def code(digest: str) -> str:
    """The code digest that stands in parameters: an earlier version's for a program that makes the same."""
    names = EARLIER["code"].get(digest)
    return digests.of_value(names) if names else digest


def state(digest: str) -> str:
    """The code digest by which the state of an unfinished training is found."""
    names: list[str] = EARLIER["code"].get(digest, [digest])
    return names[0]


def bring_over(commands: Mapping[str, str | None]) -> int:
    """Give the notes of files that an earlier version made the command that their rule has today; say how many.

    `commands` are the rules' commands as they are written, by the name of the rule.
    """
    version = digests.of_value(EARLIER["commands"])
    if DONE.is_file() and DONE.read_text(encoding="utf-8") == version:
        return 0
    count = 0
    for path in (path for path in sorted(NOTES.rglob("*")) if path.is_file()):
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        rule = note.get("rule")
        known, command = EARLIER["commands"].get(rule), commands.get(rule)
        if not known or digests.of_value(command) != known["now"]:
            continue
        if digests.of_value(note.get("code")) in known["earlier"]:
            complete_files.write_text(path, json.dumps({**note, "code": command}))
            count += 1
    DONE.parent.mkdir(exist_ok=True)
    complete_files.write_text(DONE, version)
    return count
