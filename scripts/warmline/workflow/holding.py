"""Whether what a job made still holds: its record against the files on disk, and against what its rule says now.

Nothing else is needed, and times decide nothing (lineage rule 1).
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from warmline.calls import turned_down
from warmline.lineage import digests
from warmline.lineage.records import Record
from warmline.workflow import earlier
from warmline.workflow.options import whole_numbers

MISSING = "is missing"
NO_RECORD = "has no record: it was made by hand, or by a job that was interrupted"
OTHER_PLACE = "was made under another name, to which what it was made from may still point"
CHANGED = "was changed since it was made"
UNREADABLE = "cannot be read"
OTHER_CONTENT = "is not what it was made from"
OTHER_INPUTS = "it was made from other files"
OTHER_SETTINGS = "it was made with other settings"
OTHER_CODE = "it was made by other code"
OTHER_COMMAND = "it was made by another command"
TURNED_DOWN = "requests that were turned down for good are asked again"
SINCE = "requests that were turned down for good have been asked again since"
_OF_FILES = (MISSING, NO_RECORD, OTHER_PLACE, CHANGED, UNREADABLE, OTHER_CONTENT)

# What 0.1.0 had among the inputs of rules that only wait for it: receipts, checks and gates. Its records do not say so.
_WAITED_FOR = ("/answers/", "/grades/", "/audit/checks/", "/audit/gates/")


@dataclasses.dataclass(frozen=True)
class Doubt:
    """Why a job has to be carried out: a reason that many jobs may share, and the file or setting that it is about."""

    reason: str
    about: str = ""

    def __str__(self) -> str:
        if not self.about:
            return self.reason
        return f"{self.about} {self.reason}" if self.reason in _OF_FILES else f"{self.reason}: {self.about}"


@dataclasses.dataclass(frozen=True)
class Demand:
    """What a rule says of a job now.

    `inputs` are those by whose content the job is known, by their names in the rule; `after` those that only have to be
    there first. `program` is the digest of the code, if the rule names it, and `command` that of the rule's command as
    it is written; `earlier_command` says whether the command of 0.1.0 did the same. With `ask_again`, what was turned
    down for good is asked once more.
    """

    outputs: Sequence[str]
    inputs: Mapping[str, Sequence[str]]
    after: Sequence[str]
    params: Mapping[str, str]
    program: str | None
    command: str
    earlier_command: bool
    ask_again: bool

    def as_given(self) -> dict[str, Any]:
        """What the record of the job holds of it."""
        inputs = {name: list(paths) for name, paths in self.inputs.items()}
        return {"params": dict(self.params), "inputs": inputs, "after": list(self.after), "command": self.command}


def doubt(demand: Demand, record: Record | None, digest: Callable[[str], str | None]) -> Doubt | None:
    """Why what a job made does not hold; None if it does. `digest` reads a file, and finds None if there is none."""
    try:
        return _doubt(demand, record, digest)
    except OSError as error:
        return Doubt(UNREADABLE, str(error.filename))


def _doubt(demand: Demand, record: Record | None, digest: Callable[[str], str | None]) -> Doubt | None:
    now = {path: digest(path) for path in demand.outputs}
    for path, found in now.items():
        if found is None:
            return Doubt(MISSING, path)
    if record is None or not {"inputs", "outputs"} <= record.keys():
        return Doubt(NO_RECORD, demand.outputs[0])
    given = record.get("given") or {}
    if "format" in record and not given.keys() >= demand.as_given().keys():
        return Doubt(NO_RECORD, demand.outputs[0])
    then = _files(record["outputs"])
    if not then.keys() & now.keys():
        return Doubt(OTHER_PLACE, demand.outputs[0])
    for path, found in now.items():
        if found != then.get(path):
            return Doubt(CHANGED if path in then else NO_RECORD, path)
    other = _other_than_given(demand, given) if given else _other_than_recorded(demand, record)
    return other or _other_content(demand, record, digest) or _turned_down(demand, record, digest)


def _other_content(demand: Demand, record: Record, digest: Callable[[str], str | None]) -> Doubt | None:
    declared = {path for paths in demand.inputs.values() for path in paths}
    for path, then in _files(record["inputs"]).items():
        if path in demand.after:
            continue
        found = digest(path)
        # A declared input that is missing is the doubt of the job that makes it.
        if found is None and path not in declared:
            return Doubt(MISSING, path)
        if found is not None and found != then:
            return Doubt(OTHER_CONTENT, path)
    return None


def _turned_down(demand: Demand, record: Record, digest: Callable[[str], str | None]) -> Doubt | None:
    if not turned_down.noted(record):
        return None
    if demand.ask_again:
        return Doubt(TURNED_DOWN)
    then = _files(record["inputs"])
    # Their receipt is another: some of them may be answered.
    return Doubt(SINCE) if any(digest(path) != then.get(path) for path in demand.after) else None


def _other_than_given(demand: Demand, given: Mapping[str, Any]) -> Doubt | None:
    if given["command"] != demand.command:
        return Doubt(OTHER_COMMAND)
    for name in {*given["params"], *demand.params}:
        then, now = given["params"].get(name), demand.params.get(name)
        if then != now:
            return Doubt(OTHER_CODE) if name == "code" else Doubt(OTHER_SETTINGS, _difference(then, now))
    for name in {*given["inputs"], *demand.inputs}:
        if other := set(given["inputs"].get(name, ())) ^ set(demand.inputs.get(name, ())):
            return Doubt(OTHER_INPUTS, ", ".join(sorted(other)[:3]))
    return None


def _other_than_recorded(demand: Demand, record: Record) -> Doubt | None:
    """The same from a record of 0.1.0, which holds the whole command line and the digests of all modules."""
    if not demand.earlier_command:
        return Doubt(OTHER_COMMAND)
    if demand.program and not earlier.is_recorded(record["code"], demand.program):
        return Doubt(OTHER_CODE)
    command = _options(record["command"])
    for name, value in demand.params.items():
        # The order of inputs was no setting then.
        if name not in ("code", "order") and not _options(value).items() <= command.items():
            return Doubt(OTHER_SETTINGS, value)
    # It did not note which weights a model's folder held.
    read = {*_files(record["inputs"]), *demand.inputs.get("weights", ())}
    declared = {path for paths in demand.inputs.values() for path in paths}
    new = {path for path in declared - read if not any(part in path for part in _WAITED_FOR)}
    if other := new | (read - declared - set(demand.after)):
        return Doubt(OTHER_INPUTS, ", ".join(sorted(other)[:3]))
    return None


def canonical(text: str) -> list[str]:
    """The words of command-line options, alike wherever they may say the same: 1 and 1.0, or JSON in another order."""
    return list(map(_canonical_word, shlex.split(text)))


def _canonical_word(word: str) -> str:
    try:
        return digests.canonical_json(whole_numbers(json.loads(word)))
    except ValueError:
        return word


def _options(text: str) -> dict[str, tuple[str, ...]]:
    """Command-line options and their values, in no order."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in canonical(text):
        if word.startswith("--"):
            name = word
            found[name] = []
        elif name:
            found[name].append(word)
    return {name: tuple(sorted(values)) for name, values in found.items()}


def _difference(then: str | None, now: str | None) -> str:
    """The words of either that the other does not have."""
    before, after = (canonical(text or "") for text in (then, now))
    lost = [word for word in before if word not in after]
    new = [word for word in after if word not in before]
    if not new and not lost:
        return f"in another order, {now}"[:200]
    return f"{' '.join(new) or 'nothing'} instead of {' '.join(lost) or 'nothing'}"[:200]


def _files(named: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The digests of files by path, of a record's inputs or outputs."""
    return {path: digest for files in named.values() for path, digest in files.items()}
