"""Contexts: the statements by which a user discloses them, read from files, and drawn for each question."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import yaml

from warmline.calls.templates import stopped
from warmline.design.conditions import UNMODIFIED, Condition
from warmline.lineage import digests
from warmline.lineage.errors import UserError

KEYS = ("group", "reading", "statements")
GROUP = re.compile(r"[a-z][a-z0-9_]*")

DRAWS = ("per-question", "per-row")
"""One statement for a question in a context under every belief and framing, or, as published, one for every row."""


@dataclasses.dataclass(frozen=True)
class Context:
    """What a user discloses: the group that analyses pool it with, and its statements by their ids."""

    group: str
    statements: dict[str, str]


NOTHING_DISCLOSED = Context(UNMODIFIED, {})


def read(path: Path) -> Context:
    """The context of a file. Raises UserError if the file is missing or has another layout.

    `reading`, how the statements are meant to be understood, is for those who check them and reaches no model.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"the context file {path} does not exist. Write it, or remove the context.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({error}).") from error
    if not isinstance(content, dict) or not isinstance(content.get("statements"), dict) or not content["statements"]:
        raise UserError(f"{path}: expected 'statements', each an id and a text.")
    unknown = sorted(map(str, set(content) - set(KEYS)))
    if unknown:
        raise UserError(f"{path}: unknown key {', '.join(unknown)}. Expected {', '.join(KEYS)}.")
    group = content.get("group")
    if not isinstance(group, str) or not GROUP.fullmatch(group) or group == UNMODIFIED:
        raise UserError(
            f"{path}: expected 'group', such as emotion, relation or stakes: small letters, digits and underscores, "
            f"and not {UNMODIFIED}."
        )
    return Context(group, _checked(path, content["statements"]))


def _checked(path: Path, texts: dict[Any, Any]) -> dict[str, str]:
    """The statements without blanks around them. Raises UserError for the first that cannot stand before a question."""
    seen: dict[str, str] = {}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{path}: expected every statement to be a text; {name} is none.")
        if stopped(text.strip()) != text.strip():
            raise UserError(f"{path}: statement {name} must end in a full stop, ! or ?; the question follows it.")
        if text.strip() in seen.values():
            raise UserError(f"{path}: statement {name} repeats another. Reword it or remove it.")
        seen[str(name)] = text.strip()
    return seen


def draw(item: str, condition: Condition, statements: dict[str, str], seed: int, by: str) -> str | None:
    """The id of the statement that a question has under a condition; None if there are none. `by` is one of DRAWS.

    The article draws for every row, so that its comparisons of beliefs compare different statements too; drawn per
    question, they differ in the belief alone.
    """
    if not statements:
        return None
    drawn_for = [seed, "statement", item, condition.context]
    if by == "per-row":
        drawn_for += [condition.belief, condition.framing]
    identities = sorted(statements)
    return identities[int(digests.of_value(drawn_for)[:16], 16) % len(identities)]
