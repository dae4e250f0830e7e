"""Command-line options of a job's script, written from values of the configuration and from the job's inputs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from warmline.lineage import digests


def options(values: Mapping[str, Any]) -> str:
    """Command-line options from names and values, sorted by name, so that equal settings are equal text.

    A list becomes several values, an empty one a flag; None leaves the option out.
    """
    words: list[str] = []
    for name, value in sorted(values.items()):
        if value is not None:
            listed = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *(_word(item) for item in listed)]
    return shlex.join(words)


def named_inputs(_wildcards: Any, input: Any) -> str:
    """A job's input files as options named like the inputs, for rules whose inputs depend on the wildcards."""
    return options(dict(input.items()))


def input_order(_wildcards: Any, input: Any) -> str:
    """A job's input files in their order, for rules whose outputs show it. Elsewhere the order makes nothing stale."""
    return shlex.join(map(str, input))


def whole_numbers(value: Any) -> Any:
    """A JSON value in which 2.0 is 2."""
    if isinstance(value, Mapping):
        return {name: whole_numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [whole_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return digests.canonical_json(whole_numbers(value))
    # 2.0 and 2 are one text; a float keeps all its digits.
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
