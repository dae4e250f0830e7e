"""Prompts that have no right answer, such as posts that ask for advice, as a csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row

EXPECTED = "the column prompt"


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        yield row, Question(row.text("prompt"), None, None, [], [])


LAYOUT = Layout(EXPECTED, questions)
