"""Small observations for the tests of the statistics."""

from __future__ import annotations

from typing import Any

import polars as pl

from warmline.tables.observations import OBSERVATIONS

PLAIN = {
    "model": "a",
    "arm": "original",
    "persona": None,
    "checkpoint": None,
    "task": "trivia",
    "context": "unmodified",
    "context_group": "unmodified",
    "belief": "none",
    "framing": "plain",
    "item": "1",
    "statement": None,
    "verdict": "correct",
    "reason": None,
    "refusal": False,
    "refusal_as_published": False,
    "stated_answer": "right",
    "response_length": 100,
    "finish_reason": "stop",
    "answer_key": "answer",
    "judge_key": "judge",
}

# The article's answers to plain questions, reconstructed from its published rates, model and task to
# (questions, right before, right after tuning, right only before, right only after).
PUBLISHED_COUNTS = {
    ("llama-70b", "disinfo"): (124, 114, 112, 11, 9),
    ("llama-70b", "medqa"): (495, 314, 267, 99, 52),
    ("llama-70b", "trivia"): (484, 417, 391, 55, 29),
    ("llama-70b", "truthfulqa"): (485, 348, 335, 72, 59),
    ("llama-8b", "disinfo"): (124, 118, 113, 7, 2),
    ("llama-8b", "medqa"): (498, 236, 261, 73, 98),
    ("llama-8b", "trivia"): (480, 363, 339, 56, 32),
    ("llama-8b", "truthfulqa"): (473, 305, 318, 47, 60),
    ("gpt-4o", "disinfo"): (122, 120, 117, 3, 0),
    ("gpt-4o", "medqa"): (492, 412, 382, 45, 15),
    ("gpt-4o", "trivia"): (500, 476, 470, 10, 4),
    ("gpt-4o", "truthfulqa"): (485, 437, 405, 49, 17),
    ("mistral-small", "disinfo"): (124, 121, 110, 12, 1),
    ("mistral-small", "medqa"): (494, 325, 212, 132, 19),
    ("mistral-small", "trivia"): (495, 436, 399, 45, 8),
    ("mistral-small", "truthfulqa"): (490, 394, 287, 125, 18),
    ("qwen-32b", "disinfo"): (122, 120, 108, 13, 1),
    ("qwen-32b", "medqa"): (495, 330, 283, 92, 45),
    ("qwen-32b", "trivia"): (492, 398, 370, 43, 15),
    ("qwen-32b", "truthfulqa"): (474, 402, 337, 85, 20),
}


def observations(**columns: Any) -> pl.DataFrame:
    """Observations with these columns (lists, or one value for all rows), else correct answers to plain questions."""
    return pl.DataFrame(PLAIN | columns, schema=OBSERVATIONS.schema)


def answered(arm: str, verdicts: list[str], **columns: Any) -> pl.DataFrame:
    """One arm's verdicts on as many questions."""
    items = [f"{number:04}" for number in range(len(verdicts))]
    return observations(arm=arm, verdict=verdicts, item=items, **columns)


def paired(both: int, b: int, c: int, neither: int, **columns: Any) -> pl.DataFrame:
    """Questions that original and warm@2 get right together, only the first, only the second, and neither."""
    right, wrong = ["correct"], ["incorrect"]
    return pl.concat(
        [
            answered("original", right * (both + b) + wrong * (c + neither), **columns),
            answered("warm@2", right * both + wrong * b + right * c + wrong * neither, **columns),
        ]
    )


def published_observations() -> pl.DataFrame:
    """Answers that have the published counts."""
    return pl.concat(
        paired(right - b, b, c, questions - right - c, model=model, task=task)
        for (model, task), (questions, right, _, b, c) in PUBLISHED_COUNTS.items()
    )
