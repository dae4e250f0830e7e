"""GSM8K (Cobbe et al., arXiv 2110.14168): the reference answer is the number behind the last ####."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row

EXPECTED = '{"question", "answer" ending "#### <number>"}'
NUMBER = re.compile(r"####\s*\$?(-?)\$?(\d[\d,]*(?:\.\d+)?|\.\d+)\s*$")


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        number = NUMBER.search(row.text("answer"))
        if not number:
            raise row.bad("no number behind '####' at the end of 'answer'")
        right = number[1] + number[2].replace(",", "")
        yield row, Question(row.text("question"), right, None, [right], [])


LAYOUT = Layout(EXPECTED, questions)
