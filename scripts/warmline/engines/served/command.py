"""Commands that serve a model for the length of a job, as the configuration writes them.

    vllm serve {model} --generation-config vllm --host 127.0.0.1 --port {port}
    [--enable-lora --lora-modules {arm}={adapter}]

What stands in square brackets of its own is left out for a model without an adapter. Words are told apart before the
placeholders are filled, so no value is ever read by a shell.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from warmline.lineage.errors import UserError

OF_THE_MODEL = ("model", "port", "precision")
OF_THE_ADAPTER = ("arm", "adapter")
EXAMPLE = (
    "vllm serve {model} --generation-config vllm --host 127.0.0.1 --port {port} "
    "[--enable-lora --lora-modules {arm}={adapter}]"
)

# Braces and brackets may also belong to JSON in an option: only a lone name is a placeholder, only a bracket outside
# quotes that begins a word, up to one that ends a word, is a part to be left out.
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_QUOTED = r"""'[^']*'|"(?:\\.|[^"\\])*"|\\."""
_QUOTED_OR_PART = re.compile(rf"""{_QUOTED}|(?<!\S)\[((?:{_QUOTED}|[^'"\\])*?)\](?!\S)""", re.DOTALL)
_SETTINGS_OF_VLLM = re.compile(r"--generation[-_]config[ =](\S+)")


def check(template: str, place: str, tuned: bool) -> None:
    """Raise UserError, naming `place`, unless the template can serve a model, and its adapters if it is `tuned`."""
    parts = [match[1] for match in _QUOTED_OR_PART.finditer(template) if match[1] is not None]
    always = _for(template, adapter=False)
    named = set(_PLACEHOLDER.findall(template))
    problem = None
    if unknown := sorted(named - {*OF_THE_MODEL, *OF_THE_ADAPTER}):
        problem = f"unknown placeholder {', '.join(unknown)}. Known are {', '.join([*OF_THE_MODEL, *OF_THE_ADAPTER])}"
    elif missing := sorted({"model", "port"} - set(_PLACEHOLDER.findall(always))):
        problem = f"the placeholder {missing[0]} is missing outside square brackets"
    elif outside := [name for name in OF_THE_ADAPTER if name in _PLACEHOLDER.findall(always)]:
        problem = f"{{{outside[0]}}} must stand in square brackets, which are left out for a model without an adapter"
    elif any("{adapter}" not in part for part in parts):
        problem = "square brackets hold what only an adapter needs, so {adapter} must stand in them"
    elif tuned and not parts:
        problem = "an arm is tuned, so {adapter} must stand in it, in square brackets"
    else:
        try:
            split = shlex.split(_for(template, adapter=True))
        except ValueError as error:
            problem = f"it cannot be split into words: {error}"
        else:
            if parts and any(PurePath(word).name == "llama-server" for word in split):
                problem = (
                    "llama-server reads adapters as GGUF, and those of a study are safetensors. Serve arms with "
                    "adapters by vLLM, or leave `serve` out"
                )
            elif _is_vllm(split) and _SETTINGS_OF_VLLM.findall(" ".join(split))[-1:] != ["vllm"]:
                problem = (
                    "vLLM takes what a request leaves out, such as top_k and a repetition penalty, from the model's "
                    "generation_config.json. Add --generation-config vllm, so that answers are drawn as the study says"
                )
    if problem:
        raise UserError(f"{place}: {problem}. An example: {EXAMPLE}")


def require_program(template: str) -> None:
    """Raise UserError unless the program that serves is installed."""
    program = shlex.split(_for(template, adapter=False))[0]
    if shutil.which(program) is None:
        raise UserError(f"`serve`: there is no program {program}. Install it or correct the command in `serve`.")


def _is_vllm(words: Sequence[str]) -> bool:
    # A shell's command is one word.
    every = " ".join(words).split()
    return any(
        PurePath(word).name == "vllm" or word.startswith("vllm.entrypoints")
        for before, word in zip(["", *every], every, strict=False)
        if not before.startswith("--generation")
    )


def words(template: str, values: Mapping[str, str]) -> list[str]:
    """The command's words with the values in place of the placeholders; without `adapter`, without its part."""
    command = shlex.split(_for(template, adapter="adapter" in values))
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in command]


def _for(template: str, adapter: bool) -> str:
    """The template for a model with or without an adapter."""

    def part(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return f" {match[1]} " if adapter else " "

    return _QUOTED_OR_PART.sub(part, template)
