"""Prompt templates: files with Jinja placeholders, read, checked and rendered in one way.

A template of a whole request has sections that begin with a line `# system`, `# user` or `# assistant`. They are told
apart before anything is filled in, so that no text that is filled in can open a section of its own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from pathlib import Path

import jinja2
import jinja2.meta

from warmline.calls.requests import Messages
from warmline.lineage.errors import UserError

REWRITE_PLACEHOLDERS = ("user_message", "reply")
QUESTION_PLACEHOLDERS = ("question", "original_question", "right_answer", "wrong_answer", "framing")
SECTION = re.compile(r"^# (system|user|assistant)\s*$", re.MULTILINE)

# What may stand at the end of a sentence, with quotes or brackets that close behind it.
STOPPED = re.compile(r"[.!?…][\"'”\u2019)\]]*$")


def stopped(text: str) -> str:
    """The text as the end of a sentence: with a full stop, unless it has an end already."""
    return text if STOPPED.search(text) else f"{text}."


def lower_first(text: str) -> str:
    """The text with a small first letter, as the article put statements behind other words: `NASA` becomes `nASA`."""
    return text[:1].lower() + text[1:]


_environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)
_environment.filters |= {"stopped": stopped, "lower_first": lower_first}


def check(path: Path, placeholders: Collection[str]) -> None:
    """Raise UserError if the template is missing, malformed, or names a placeholder other than those it may use."""
    _check(path, read(path), placeholders)


def check_messages(path: Path, placeholders: Collection[str]) -> None:
    """The same for a template of a whole request, each of whose sections must be a template by itself."""
    text = read(path)
    parts = SECTION.split(text)
    if len(parts) < 3 or parts[0].strip():
        raise UserError(f"{path}: expected it to begin with a line '# system' or '# user'.")
    for _, section in _sections(text):
        _check(path, section, placeholders)


def _check(path: Path, text: str, placeholders: Collection[str]) -> None:
    try:
        used = placeholders_of(text)
    except jinja2.TemplateSyntaxError as error:
        # A section is parsed by itself; its lines are counted in the file.
        line = read(path).split(text)[0].count("\n") + error.lineno
        raise UserError(f"{path}, line {line}: {error.message}. Expected a Jinja template.") from error
    unknown = sorted(used - set(placeholders))
    if unknown:
        raise UserError(
            f"{path}: unknown placeholder {', '.join(unknown)}. "
            f"This template may use: {', '.join(sorted(placeholders)) or 'none'}."
        )


def placeholders_of(text: str) -> set[str]:
    """The placeholders that the text of a template names."""
    return jinja2.meta.find_undeclared_variables(_environment.parse(text))


def roles(path: Path) -> list[str]:
    """Who speaks in a template of a whole request, section by section."""
    return [role for role, _ in _sections(read(path))]


def render(path: Path, **values: str) -> str:
    """The filled-in template, without blanks around it."""
    return filled(read(path), **values)


def filled(text: str, **values: str) -> str:
    """The same of a template's text."""
    return _compiled(text).render(values).strip()


def render_messages(text: str, **values: str) -> Messages:
    """The filled-in text of a template of a whole request as chat messages, one for each section."""
    return [{"role": role, "content": _compiled(section).render(values).strip()} for role, section in _sections(text)]


@functools.cache
def _sections(text: str) -> tuple[tuple[str, str], ...]:
    """The role and text of each section."""
    parts = SECTION.split(text)
    return tuple(zip(parts[1::2], parts[2::2], strict=True))


def read(path: Path) -> str:
    """The text of a template. Raises UserError if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"the template {path} does not exist. Write it, or correct its path in the configuration."
        ) from error


@functools.cache
def _compiled(text: str) -> jinja2.Template:
    return _environment.from_string(text)
