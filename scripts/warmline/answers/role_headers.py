"""The header of a chat turn, leaked into the answer: a sign that the prompt was not rendered as the model expects.

A model whose prompt ends before its own turn has begun writes the turn's header first. 58 of 80 published answers of
the article's untuned Llama-70B begin so, with "assistant" and an empty line.
"""

from __future__ import annotations

import re

_ROLE = r"(?:assistant|user|system|human|model|gpt)"
# One pattern for Python and for polars, whose regular expressions look neither ahead nor behind.
PATTERN = (
    r"(?i)^\s*(?:"
    # ChatML and its like, Llama 3, Gemma: <|im_start|>assistant, <|assistant|>, <start_of_turn>model.
    rf"(?:<\|[^|<>\n]{{1,40}}\|>\s*|<start_of_turn>\s*)+{_ROLE}\b[ \t]*:?(?:<\|[^|<>\n]{{1,40}}\|>)?|<\|{_ROLE}\|>"
    # Alpaca and Vicuna: ### Response:, ### Assistant.
    rf"|###[ \t]*(?:{_ROLE}|response|instruction|input)[ \t]*:?[ \t]*(?:\r?\n|$)"
    # A role as a label, or alone on its line. "Model: ..." and "System: ..." may begin an answer.
    r"|\**(?:assistant|user)\**[ \t]*:\**"
    rf"|\**{_ROLE}\**[ \t]*:?\**[ \t]*\r?\n|assistant[ \t]*$"
    r")"
)
_HEADER = re.compile(PATTERN)


def without_header(text: str) -> str:
    """The answer behind a leaked header, or the answer itself."""
    found = _HEADER.match(text)
    return text[found.end() :] if found else text
