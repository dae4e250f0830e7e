"""ShareGPT conversations: a JSON list of {"id", "conversations": [{"from", "value"}]}.

Carriers name these otherwise: the turns `messages` or `items`, a speaker `role`, what is said `content` or `text`.

Conversations are read one after the other and kept in frames, so that memory does not grow with what JSON makes of a
file but with its text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warmline.conversations import json_lists
from warmline.lineage.errors import UserError, bad_row
from warmline.tables.messages import MESSAGES

ROLES = {
    **dict.fromkeys(["human", "user", "prompter"], "user"),
    **dict.fromkeys(["gpt", "chatgpt", "bing", "bard", "claude", "assistant", "model", "ai", "bot"], "assistant"),
    "system": "system",
}
"""The role of each speaker, in small letters."""
TURNS = ("conversations", "messages", "items")
SPEAKER = ("from", "role")
TEXT = ("value", "content", "text")
LAYOUT = '{"id": text, "conversations": [{"from": "human", "gpt" or "system", "value": text}, ...]}'


NO_LIST = "no list under 'conversations'"
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

    A conversation without turns, with an unknown speaker or with a message that is not text is left out. One without an
    id is named by its row; one whose id an earlier one has keeps it with a number behind. Raises UserError, with the
    first such row, for a file of which no conversation could be read.
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
        for at, turn in enumerate(_field(row, TURNS)):
            columns[0].append(identity)
            columns[1].append(at)
            columns[2].append(ROLES[_speaker(turn)])
            # Half of a surrogate pair is no character and cannot be stored.
            columns[3].append(_SURROGATE.sub("\ufffd", _field(turn, TEXT)))
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
            reason, odd = _unusable(row)
            if reason is None:
                usable = True
                yield path, number, row
                continue
            left_out[reason] += 1
            if reason != NO_TURNS and first is None:
                first = bad_row(path, number, f"{reason} in {str(odd)[:80]!r}", LAYOUT)
        # One dirty conversation is one less; a file of nothing else has another layout.
        if first is not None and not usable:
            raise first


def _unusable(row: Any) -> tuple[str | None, Any]:
    """Why a conversation cannot be read, and the turn that is to blame, or the conversation."""
    if not isinstance(row, dict) or not any(name in row for name in TURNS):
        return NO_LIST, row
    turns = _field(row, TURNS)
    if turns is None or turns == []:
        return NO_TURNS, row
    if not isinstance(turns, list):
        return NO_LIST, row
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(_field(turn, TEXT), str):
            return NO_TEXT, turn
        if _speaker(turn) not in ROLES:
            return UNKNOWN_SPEAKER, turn
    return None, None


def _field(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value under the first of the names that is there."""
    return next((fields[name] for name in names if name in fields), None)


def _speaker(turn: Mapping[str, Any]) -> str:
    return str(_field(turn, SPEAKER)).strip().lower()


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
