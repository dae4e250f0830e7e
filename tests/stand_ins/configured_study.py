"""A study as a configuration lays it out."""

from __future__ import annotations

import shlex
from types import SimpleNamespace
from typing import Any

import yaml
from repository import REPOSITORY

from warmline.workflow.rules.study import StudyRules

CONFIG: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())


def study(**changes: Any) -> StudyRules:
    return StudyRules({**CONFIG, **changes}, REPOSITORY / "scripts")


def wildcards(**values: str) -> SimpleNamespace:
    return SimpleNamespace(**values)


def parsed(line: str) -> dict[str, list[str]]:
    """The values of each option, as a shell and a parser would read them."""
    values: dict[str, list[str]] = {}
    for word in shlex.split(line):
        if word.startswith("--"):
            name = word.removeprefix("--")
            values[name] = []
        else:
            values[name].append(word)
    return values
