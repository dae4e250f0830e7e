"""Questions of the tasks, read from files in the layout of their benchmarks and sampled.

Every layout yields the table QUESTIONS. An item's id is its task and its row in the source, and the file's name where
there are several, so that a corrected question keeps its identity, its place in the sample and its random numbers.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warmline.design.variants import AS_PUBLISHED, CORRECTED
from warmline.lineage import draws
from warmline.lineage.errors import UserError
from warmline.questions.layouts import (
    advbench,
    gsm8k,
    mask,
    medqa,
    mmlu,
    own,
    prompts,
    sycophancy_eval,
    triviaqa,
    truthfulqa,
)
from warmline.questions.layouts.rows import REPEATED, Layout, Question, Row
from warmline.sources import oddities, sameness
from warmline.tables.questions import QUESTIONS

LAYOUTS: dict[str, Layout] = {
    "sycophancy-eval": sycophancy_eval.LAYOUT,
    "truthfulqa": truthfulqa.LAYOUT,
    "triviaqa": triviaqa.LAYOUT,
    "mask": mask.LAYOUT,
    "medqa": medqa.LAYOUT,
    "mmlu": mmlu.LAYOUT,
    "gsm8k": gsm8k.LAYOUT,
    "advbench": advbench.LAYOUT,
    "csv": own.LAYOUT,
    "prompts": prompts.LAYOUT,
}

ALL = "all"
OTHER_DATASET = "of another data set"
RIGHT_AND_WRONG = "has a wrong answer that is a right one"
QUOTES = (CORRECTED, AS_PUBLISHED)
NO_ANSWER = re.compile(r"^(no comment|n/?a|none|unknown|i have no comment)\.?$", re.IGNORECASE)
DOUBLED_WORD = re.compile(r"\b(\w{2,}) \1\b", re.IGNORECASE)
IMAGE = re.compile(
    r"\b(image|figure|photograph|radiograph|x-ray|ecg|exhibit)\b[^.?]*\b(shown|below|above)\b", re.IGNORECASE
)

Counts = dict[str, int]


def read(
    task: str, layout: str, paths: Sequence[Path], dataset: str | None = None, quotes: str = CORRECTED
) -> tuple[pl.DataFrame, Counts]:
    """All questions of the files in the layout of QUESTIONS, and counts of the rows left out.

    Of a file with several data sets the questions of `dataset` are taken. Left out are a question that an earlier row
    asks with the same answers, one that offers an option twice, and one with an answer that is right and wrong; answers
    are the same as warmline.sources.sameness says. Benchmarks that went through csv have questions such as
    `"Who wrote ""Emma""?"`; `quotes` says whether these are `corrected` or asked `as_published`. Raises UserError with
    file and row of a malformed one.
    """
    left_out: Counter[str] = Counter()
    reader = LAYOUTS[layout]
    names = _names(task, paths)
    seen: set[tuple[str, ...]] = set()
    rows: list[dict[str, Any]] = []
    for row, found in reader.questions(_rows(task, reader, paths, dataset, left_out)):
        if isinstance(found, Question):
            asked = _form(found)
            found = REPEATED if asked in seen else RIGHT_AND_WRONG if _is_right_and_wrong(found) else found
            seen.add(asked)
        if isinstance(found, str):
            left_out[found] += 1
            continue
        text = unquoted(found.question) if quotes == CORRECTED else found.question
        item = f"{names[row.path]}-{row.number:05d}"
        fields = vars(found) | {"question": text}
        rows.append({"item": item, "source_row": row.number, **fields})
    if not rows:
        instead = "".join(f"; {number} left out: a row {reason}" for reason, number in left_out.items())
        raise UserError(
            f"{', '.join(map(str, paths))}: no questions{instead}. Expected at least one of {reader.expected}."
        )
    return pl.DataFrame(rows, schema=QUESTIONS.schema), dict(left_out)


def sample(questions: pl.DataFrame, task: str, size: int | None, seed: int) -> pl.DataFrame:
    """`size` of the questions, drawn by their ids; all for None. Raises UserError if there are fewer."""
    if size is None:
        return questions
    if questions.height < size:
        raise UserError(f"task {task} asks for {size} questions, its source has {questions.height}. Lower `questions`.")
    return questions.filter(pl.col("item").is_in(draws.rank(questions["item"].to_list(), seed, "question")[:size]))


def note_oddities(questions: pl.DataFrame) -> Counts:
    """How many questions hold something odd that stays as it is: see warmline.sources.oddities, and oddities of
    benchmarks.
    """
    answers = questions.select("question", "right_answer", "wrong_answer")
    counts: Counter[str] = Counter(oddities.count(answers, answers.columns))
    for question, right, wrong in answers.iter_rows():
        texts = [right or "", wrong or ""]
        counts["an answer that doubles a word"] += any(map(DOUBLED_WORD.search, texts))
        counts["an answer that says nothing"] += any(map(NO_ANSWER.match, texts))
        counts["an image that is not shown"] += IMAGE.search(question) is not None
    counts["a question that another row asks too"] = int(questions["question"].is_duplicated().sum())
    return {name: rows for name, rows in counts.items() if rows}


def unquoted(text: str) -> str:
    """The text without what is left of its quoting in csv: the quotes around it, and every second one of a pair."""
    inner = text[1:-1]
    if len(text) > 2 and text[0] == text[-1] == '"' and '"' in inner and '"' not in inner.replace('""', ""):
        text = inner
    return re.sub(r'""(?=\S)(.+?)(?<=\S)""', r'"\1"', text)


def _form(question: Question) -> tuple[str, ...]:
    """What a question has in common with those that ask the same."""
    texts = [unquoted(question.question), question.right_answer or "", *sorted(question.wrong_answers)]
    return tuple(map(sameness.form, texts))


def _is_right_and_wrong(question: Question) -> bool:
    rights, wrongs = (set(map(sameness.form, texts)) for texts in (question.right_answers, question.wrong_answers))
    return not rights.isdisjoint(wrongs)


def _rows(
    task: str, layout: Layout, paths: Sequence[Path], dataset: str | None, left_out: Counter[str]
) -> Iterator[Row]:
    if dataset is not None and layout.dataset is None:
        raise UserError(f"task {task}: its layout has no data sets to choose from. Remove `dataset`.")
    found: set[str] = set()
    for path in paths:
        if not path.exists():
            raise UserError(f"the questions file {path} does not exist. Correct the source of task {task}.")
        for row in layout.rows(path):
            name = layout.dataset(row) if layout.dataset else None
            found |= {name} if name else set()
            if dataset is not None and name != dataset:
                left_out[OTHER_DATASET] += 1
                continue
            if dataset is None and len(found) > 1:
                raise row.bad(f"the data sets {', '.join(sorted(found))} in one source; name one under `dataset`")
            yield row
    if dataset is not None and dataset not in found:
        raise UserError(
            f"{', '.join(map(str, paths))}: no data set {dataset}. Those there: {', '.join(sorted(found)) or 'none'}."
        )


def _names(task: str, paths: Sequence[Path]) -> dict[Path, str]:
    """What the ids of a file's questions begin with."""
    if len(paths) == 1:
        return {paths[0]: task}
    common = os.path.commonpath([path.parent for path in paths])
    return {path: f"{task}-{path.relative_to(common).with_suffix('')}" for path in paths}
