"""MMLU (Hendrycks et al., ICLR 2021): the authors' csv, a file a subject, or the Parquet of cais/mmlu.

The csv has no header and names the right choice by its letter; carriers add a header or count the choices from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from warmline.questions.layouts.rows import SAME_OPTION, Found, Layout, Question, Row, clean, csv_records, open_rows
from warmline.sources import sameness

LETTERS = "ABCD"
EXPECTED = (
    "a question, four choices and the right one's letter A-D or number 0-3: in csv six columns, else "
    '{"question", "choices", "answer"}'
)


def open_file(path: Path, expected: str) -> Iterator[Row]:
    """The rows of a file, the csv's columns under the names of the Parquet."""
    if path.suffix.lower() != ".csv":
        yield from open_rows(path, expected)
        return
    with_header = 0
    for number, record in csv_records(path, expected, columns=6):
        if number == 1 and record[0].strip().lower() == "question" and record[-1].strip().lower() == "answer":
            with_header = 1
            continue
        fields = {"question": record[0], "choices": record[1:-1], "answer": record[-1]}
        yield Row(path, number - with_header, fields, expected)


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        choices = row.fields.get("choices")
        if not isinstance(choices, list) or len(choices) != 4 or not all(isinstance(text, str) for text in choices):
            raise row.bad("not four texts as choices")
        right = _letter(row)
        shown = [f"{letter}. {' '.join(clean(text).split())}" for letter, text in zip(LETTERS, choices, strict=True)]
        if sameness.any_same(choices):
            yield row, SAME_OPTION
            continue
        others = [letter for letter in LETTERS if letter != right]
        yield row, Question("\n".join([row.text("question"), "", *shown]), right, others[0], [right], others)


def _letter(row: Row) -> str:
    told = str(row.fields.get("answer")).strip().upper()
    if told in [*LETTERS]:
        return told
    if told in ["0", "1", "2", "3"]:
        return LETTERS[int(told)]
    raise row.bad(f"the answer {told[:20]!r}")


LAYOUT = Layout(EXPECTED, questions, open=open_file)
