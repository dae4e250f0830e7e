"""What the tiny study of the pipeline's tests asks, and an edit of one statement of it."""

from __future__ import annotations

import polars as pl
from study_copy import StudyCopy

ARMS = ("original", "warm@1", "cold@1", "warm-prompt")


TASKS = 2


QUESTIONS = 2


CONDITIONS = 4


VALIDATION = 6


def sad_prompts(copy: StudyCopy) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(copy.path("prompts").glob("*/sad.*.parquet"))])


def new_calls_of_statement(copy: StudyCopy) -> int:
    """Prompts that show the edited statement, times the arms; some, but not all of those under the context."""
    edited = [text.startswith("Truly. ") for text in sad_prompts(copy)["messages"].list.first().struct["content"]]
    assert 0 < sum(edited) < len(edited)
    return sum(edited) * len(ARMS)


def edit_statement(copy: StudyCopy) -> None:
    """Change the statement that the first question shows."""
    statement = sad_prompts(copy)["statement"][0]
    copy.edit("config/prompts/contexts/sad.yaml", f'"{statement}": "', f'"{statement}": "Truly. ')
