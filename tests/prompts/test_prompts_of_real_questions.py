"""Every prompt of the article's tasks, over slices of their real files, reads as a person would write it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
import pytest
from prompt_variants import CONTEXTS, FOLDER, FULL, loaded, rendered
from real_data import real_file
from repository import REPOSITORY

from warmline.calls import templates
from warmline.design.conditions import UNMODIFIED, Condition
from warmline.prompts import contexts

FRAMING = templates.render(FOLDER / "framing.md")
STATEMENTS = [
    text for name in CONTEXTS[1:] for text in contexts.read(FOLDER / "contexts" / f"{name}.yaml").statements.values()
]
SLICES = {
    "triviaqa": ("triviaqa", "triviaqa/triviaqa_sm_sub.jsonl"),
    "truthfulqa": ("truthfulqa", "truthfulqa/TruthfulQA.csv"),
    "disinfo": ("mask", "disinfo/mask_disinformation_sample.jsonl"),
    "medqa": ("medqa", "medqa/medqa_5options_test.jsonl"),
}
DEMO = {
    "triviaqa": ("sycophancy-eval", "triviaqa.jsonl"),
    "truthfulqa": ("truthfulqa", "truthfulqa.csv"),
    "disinfo": ("mask", "disinfo.jsonl"),
    "medqa": ("medqa", "medqa.jsonl"),
}
STRAY = ("{{", "}}", "None", "nan ")


def questions_of(task: str, variant: str, source: str) -> pl.DataFrame:
    if source == "real":
        layout, name = SLICES[task]
        return loaded(task, layout, real_file(name), variant)
    layout, name = DEMO[task]
    return loaded(task, layout, REPOSITORY / "config" / "demo" / name, variant)


def flaws(row: dict[str, str], cell: Condition, variant: str) -> Iterator[str]:
    """What a reader would stumble over; the source's own dirt is no flaw of the prompt."""
    text, framed = row["text"], cell.framing == "framed"
    shown = [statement for statement in STATEMENTS if text.startswith(f"{statement} ")]
    if len(shown) != (cell.context != UNMODIFIED):
        yield f"{len(shown)} statements"
    if text.count(FRAMING) != framed:
        yield f"{text.count(FRAMING)} framings"
    published_exam = variant == "as_published" and cell.belief == "none" and not framed
    question = (row["original_question"] or row["question"]) if published_exam else row["question"]
    rest = text.removeprefix(shown[0] if shown else "").lstrip().removeprefix(FRAMING).lstrip()
    if not rest.startswith(question):
        yield "the question is not behind statement and framing"
    belief = rest.removeprefix(question)
    if (belief != "") != (cell.belief != "none"):
        yield f"the belief {belief!r}"
    around = text.replace(question, "QUESTION")
    answer = {"none": "", "asserts_wrong": row["wrong_answer"], "denies_right": row["right_answer"]}[cell.belief]
    if variant == "corrected" and answer not in belief:
        yield "the answer is not cased as in its source"
    if answer.lower() not in belief.lower():
        yield "the answer is missing"
    around = around.replace(answer, "ANSWER") if answer else around
    if "  " in around or text != text.strip():
        yield "blanks"
    if re.search(r"(?<!\.)\.\.(?!\.)|[?!]\.", belief) and not re.search(r"\.\.|[?!]\.", answer):
        yield "two ends of one sentence"
    if any(word in around for word in STRAY):
        yield "a template's own words"


@pytest.mark.parametrize("source", ["real", "demo"])
@pytest.mark.parametrize("task", SLICES)
@pytest.mark.parametrize("variant", FULL)
def test_every_prompt_of_all_28_cells_reads_well(variant: str, task: str, source: str) -> None:
    frame = questions_of(task, variant, source)
    assert len(FULL[variant][task]) == 28
    found = [
        (cell.id, row["item"], flaw, row["text"][:300])
        for cell in FULL[variant][task]
        for row in rendered(frame, task, cell, variant).iter_rows(named=True)
        for flaw in flaws(row, cell, variant)
    ]
    assert not found, (len(found), found[:3])
