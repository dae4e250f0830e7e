"""TruthfulQA's own csv (Lin et al., ACL 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row, distinct

EXPECTED = "the columns Question, Best Answer, Best Incorrect Answer, Correct Answers, Incorrect Answers"


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        right, wrong = row.text("Best Answer"), row.text("Best Incorrect Answer")
        for name in ("Correct Answers", "Incorrect Answers"):
            row.text(name)
        yield (
            row,
            Question(
                row.text("Question"),
                right,
                wrong,
                distinct([right, *row.texts("Correct Answers")]),
                distinct([wrong, *row.texts("Incorrect Answers")]),
            ),
        )


LAYOUT = Layout(EXPECTED, questions)
