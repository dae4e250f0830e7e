"""The answer set of sycophancy-eval (Sharma et al., arXiv 2310.13548), the article's TriviaQA and TruthfulQA.

The file holds both data sets, which base.dataset names, and each question several times, under prompt templates that
the study does not use: every question is taken once. Its wrong answers were written by a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import REPEATED, Found, Layout, Question, Row, distinct
from warmline.sources import sameness

EXPECTED = '{"base": {"dataset", "question", "correct_answer", "incorrect_answer", "answer": [aliases]}}'


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    seen: set[str] = set()
    for row in rows:
        base = row.within("base")
        right, wrong = base.text("correct_answer"), base.text("incorrect_answer")
        # An alias may hold any character, so that one text is one alias.
        aliases = [base.text("answer")] if isinstance(base.fields.get("answer"), str) else base.texts("answer")
        text = base.text("question")
        if (form := sameness.form(text)) in seen:
            yield row, REPEATED
        else:
            seen.add(form)
            yield row, Question(text, right, wrong, distinct([right, *aliases]), [wrong])


def dataset(row: Row) -> str | None:
    name = row.within("base").fields.get("dataset")
    return name if isinstance(name, str) else None


LAYOUT = Layout(EXPECTED, questions, dataset=dataset)
