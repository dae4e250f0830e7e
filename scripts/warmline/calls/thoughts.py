"""Thoughts: what a model writes for itself before it answers. They are no part of the answer.

Forms: `<think>`, `<thinking>`, `<thought>`, `<reasoning>` and `<seed:think>` with their end tags (DeepSeek-R1, Qwen3
and others), `[THINK]` (Magistral), `<|begin_of_thought|>` (Sky-T1), and the channels of gpt-oss.
"""

from __future__ import annotations

import re

_NAME = r"(?:think|thinking|thought|reasoning|seed:think)"
# Within a sentence or quotation marks it is spoken of, and begins nothing.
_BEGIN = re.compile(
    rf"(?<![\w,] )(?<![\"'`(])(?:<{_NAME}>|\[THINK\]|<\|begin_of_thought\|>)",
    re.IGNORECASE,
)
_END = re.compile(rf"</{_NAME}>|\[/THINK\]|<\|end_of_thought\|>", re.IGNORECASE)
# Only at the beginning: what an answer quotes of a channel is no channel of its own.
_CHANNEL = re.compile(r"\s*<\|channel\|>\s*(?:analysis|commentary)\b")
_FINAL = re.compile(r"<\|channel\|>\s*final\s*<\|message\|>")


def begins_with_thoughts(text: str) -> bool:
    """Whether a text begins with a thought of its own: what it quotes of others cannot pass for one."""
    return bool(_CHANNEL.match(text) or _BEGIN.match(text.lstrip()))


def without_thoughts(text: str, opened: bool = False) -> str:
    """The answer behind its thoughts, nothing stripped but blanks around it; empty where a thought was cut.

    `opened` says that the prompt had begun the thought, as some chat templates do: then a text without its end is a
    thought that was cut.
    """
    in_channels = _CHANNEL.match(text) is not None
    ends = list((_FINAL if in_channels else _END).finditer(text))
    answer = text[ends[-1].end() :] if ends else text
    if _BEGIN.search(answer) or (not ends and (opened or in_channels)):
        return ""
    return answer.strip() if ends else text
