"""ShareGPT conversations: a JSON list of {"id", "conversations": [{"from", "value"}]}.

Conversations are read one after the other and kept in frames, so that memory does not grow with what JSON makes of a
file but with its text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warmline.conversations import json_lists
from warmline.lineage.errors import UserError, bad_row
from warmline.tables.messages import MESSAGES

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "system": "system",
}
LAYOUT = '{"id": text, "conversations": [{"from": "human", "gpt" or "system", "value": text}, ...]}'


NO_TURNS = "no turns"
UNKNOWN_SPEAKER = "an unknown speaker"
NO_TEXT = "a message that is not text"
ID_TAKEN = "an id that an earlier conversation has"
NO_ID = "no id"

BATCH = 20_000
"""Messages that wait in Python lists before they become a frame."""

_SURROGATE = re.compile("[\ud800-\udfff]")
Counts = dict[str, int]


def read(paths: Sequence[Path]) -> tuple[pl.DataFrame, Counts, Counts]:
    """The messages of files in the layout of MESSAGES, counts of the conversations left out, and of some kept.

    A conversation with an unknown speaker or a message that is not text is left out. One without an id is named by its
    row; one whose id an earlier one has keeps it with a number behind. Raises UserError with file and row for anything
    that is no conversation at all, and for a file of which no conversation could be read.
    """
    left_out: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    frames = [MESSAGES.schema.to_frame(), *_frames(paths, left_out, noted)]
    return pl.concat(frames, rechunk=False), dict(left_out), dict(noted)


def _frames(paths: Sequence[Path], left_out: Counter[str], noted: Counter[str]) -> Iterator[pl.DataFrame]:
    columns: tuple[list[str], list[int], list[str], list[str]] = ([], [], [], [])
    taken: Counter[str] = Counter()
    for path, number, row in _rows(paths, left_out):
        identity = _identity(path, number, row, taken, noted, several=len(paths) > 1)
        for at, turn in enumerate(row["conversations"]):
            columns[0].append(identity)
            columns[1].append(at)
            columns[2].append(ROLES[turn["from"]])
            # Half of a surrogate pair is no character and cannot be stored.
            columns[3].append(_SURROGATE.sub("\ufffd", turn["value"]))
        if len(columns[0]) >= BATCH:
            yield _frame(columns)
            for column in columns:
                column.clear()
    yield _frame(columns)


def _frame(columns: tuple[list[str], list[int], list[str], list[str]]) -> pl.DataFrame:
    return pl.DataFrame(dict(zip(MESSAGES.columns, columns, strict=True)), schema=MESSAGES.schema)


def _rows(paths: Sequence[Path], left_out: Counter[str]) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """The conversations that can be read, each with its file and its row there."""
    for path in paths:
        if not path.exists():
            raise UserError(f"the conversations file {path} does not exist. Correct its path in the configuration.")
        usable, first = False, None
        for number, row in enumerate(json_lists.items(path, f"a JSON list of {LAYOUT}"), start=1):
            if not isinstance(row, dict) or not isinstance(row.get("conversations", 0), list | None):
                raise bad_row(path, number, "no list under 'conversations'", LAYOUT)
            reason, turn = _unusable(row["conversations"] or [])
            if reason is None:
                usable = True
                yield path, number, row
                continue
            left_out[reason] += 1
            if reason != NO_TURNS and first is None:
                first = bad_row(path, number, f"{reason} in the turn {str(turn)[:80]!r}", LAYOUT)
        # One dirty conversation is one less; a file of nothing else has another layout.
        if first is not None and not usable:
            raise first


def _unusable(turns: list[Any]) -> tuple[str | None, Any]:
    """Why a conversation cannot be read, and the turn that is to blame."""
    if not turns:
        return NO_TURNS, None
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            return NO_TEXT, turn
        if not isinstance(turn.get("from"), str) or turn["from"] not in ROLES:
            return UNKNOWN_SPEAKER, turn
    return None, None


def _identity(
    path: Path, number: int, row: dict[str, Any], taken: Counter[str], noted: Counter[str], *, several: bool
) -> str:
    """A conversation's id, which no other one has."""
    own = row.get("id")
    if isinstance(own, str | int) and str(own).strip():
        name = _SURROGATE.sub("\ufffd", str(own))
    else:
        noted[NO_ID] += 1
        name = f"{path.stem}-row-{number}" if several else f"row-{number}"
    taken[name] += 1
    if taken[name] == 1:
        return name
    noted[ID_TAKEN] += 1
    while (numbered := f"{name}#{taken[name]}") in taken:
        taken[name] += 1
    taken[numbered] += 1
    return numbered
