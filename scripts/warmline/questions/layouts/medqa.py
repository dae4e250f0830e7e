"""MedQA-USMLE (Jin et al., Applied Sciences 2021), with four or five options, which are never shown to the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.lineage import draws
from warmline.questions.layouts.rows import SAME_OPTION, Found, Layout, Question, Row, clean
from warmline.sources import sameness

EXPECTED = '{"question", "answer", "options": {letter: text}, "answer_idx"}, answer_idx being the letter of the answer'


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        options, letter = row.fields.get("options"), str(row.fields.get("answer_idx"))
        right = row.text("answer")
        if isinstance(options, dict):
            # In Parquet every row has the letters that any row has.
            options = {name: text for name, text in options.items() if text is not None}
        if not isinstance(options, dict) or not all(isinstance(text, str) for text in options.values()):
            raise row.bad("'options' does not hold texts by their letters")
        if clean(options.get(letter, "")) != right:
            raise row.bad("'answer_idx' does not name the option that is the answer")
        wrongs = [clean(text) for other, text in sorted(options.items()) if other != letter]
        if not wrongs:
            raise row.bad("'options' holds the answer only")
        if sameness.any_same(options.values()):
            yield row, SAME_OPTION
            continue
        # The article draws one of the other options at random; here the draw is the row's own.
        wrong = draws.rank(wrongs, 0, f"wrong answer of row {row.number}")[0]
        yield row, Question(row.text("question"), right, wrong, [right], wrongs)


LAYOUT = Layout(EXPECTED, questions)
