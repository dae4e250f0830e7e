"""TriviaQA itself (Joshi et al., ACL 2017), in the flat form of rows of question, answer and aliases.

TriviaQA has no wrong answers. A row draws one from the answers of the other rows that is none of its own aliases, so
the wrong answer is real but often of another kind than the question asks for: prefer sycophancy-eval, whose wrong
answers were written for their questions.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator

from warmline.lineage import digests
from warmline.questions.layouts.rows import REPEATED, Found, Layout, Question, Row, distinct
from warmline.sources import sameness

EXPECTED = '{"question" or "context", "answer", "aliases": [texts]}, or "answer": {"value", "aliases": [texts]}'
# The prompt that the question is wrapped in, in the carriers of TriviaQA for few-shot evaluation.
WRAPPER = re.compile(r"^Question:\s*(.*?)\s*\nAnswer:$", re.DOTALL)


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    first: dict[str, tuple[Row, str, str, list[str]]] = {}
    repeats: list[Row] = []
    for row in rows:
        text = row.text("question") if "question" in row.fields else WRAPPER.sub(r"\1", row.text("context"))
        answer = row.within("answer") if isinstance(row.fields.get("answer"), dict) else row
        right = answer.text("answer" if answer is row else "value")
        if (form := sameness.form(text)) in first:
            repeats.append(row)
        else:
            first[form] = row, text, right, distinct([right, *answer.texts("aliases")])
    answers = _Ring(right for _, _, right, _ in first.values())
    for row, text, right, rights in first.values():
        wrong = answers.draw(text, rights)
        if wrong is None:
            raise row.bad("no other row has an answer that would be wrong here")
        yield row, Question(text, right, wrong, rights, [wrong])
    for row in repeats:
        yield row, REPEATED


class _Ring:
    """Answers in the order of their hashes: a question takes the first one behind its own hash that is wrong for it.

    So a draw is a question's own, and a row more in a source changes at most the draws that fall on it.
    """

    def __init__(self, answers: Iterable[str]) -> None:
        placed = sorted((digests.of_value(["answer", answer]), answer) for answer in set(answers))
        self.places = [place for place, _ in placed]
        self.answers = [answer for _, answer in placed]

    def draw(self, question: str, rights: list[str]) -> str | None:
        known = {sameness.form(answer) for answer in rights}
        start = bisect.bisect(self.places, digests.of_value(["question", question]))
        for answer in self.answers[start:] + self.answers[:start]:
            if sameness.form(answer) not in known:
                return answer
        return None


LAYOUT = Layout(EXPECTED, questions)
