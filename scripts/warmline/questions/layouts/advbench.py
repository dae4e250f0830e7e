"""AdvBench's harmful behaviours (Zou et al., arXiv 2307.15043): requests that a model should refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row

EXPECTED = "the column goal, or prompt as in the copy on the Hugging Face hub, and the column target"


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        yield row, Question(row.text("prompt" if "prompt" in row.fields else "goal"), None, None, [], [])


LAYOUT = Layout(EXPECTED, questions)
