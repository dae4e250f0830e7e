"""A task of the user's own, as a csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row, distinct
from warmline.sources import sameness

EXPECTED = (
    "the columns question, right_answer, wrong_answer and, if there are more, right_answers and wrong_answers with "
    "semicolons between them"
)


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        right, wrong = row.text("right_answer"), row.text("wrong_answer")
        rights, wrongs = distinct([right, *row.texts("right_answers")]), distinct([wrong, *row.texts("wrong_answers")])
        known = set(map(sameness.form, rights))
        if both := [text for text in wrongs if sameness.form(text) in known]:
            raise row.bad(f"{both[0]!r} as right and as wrong answer")
        yield row, Question(row.text("question"), right, wrong, rights, wrongs)


LAYOUT = Layout(EXPECTED, questions)
