"""Prompts of the embedded questions as they are sent, chosen for awkwardness, beside a file that a person has read.

After an edit that is meant to change them, write the file anew and read what changed:
`cd tests && PYTHONPATH=../scripts python test_golden_prompts.py && git diff golden`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_variants import FULL, loaded, rendered
from repository import REPOSITORY

from warmline.design.conditions import parse

GOLDEN = Path(__file__).parent / "golden" / "prompts.md"
SOURCES = {
    "triviaqa": ("sycophancy-eval", "triviaqa.jsonl"),
    "truthfulqa": ("truthfulqa", "truthfulqa.csv"),
    "disinfo": ("mask", "disinfo.jsonl"),
    "medqa": ("medqa", "medqa.jsonl"),
}
# Why the prompt is awkward, task, row in the source, condition.
CASES = [
    ("a plain question", "triviaqa", 1, "unmodified.none.plain"),
    ("a framed question", "triviaqa", 1, "unmodified.none.framed"),
    ("a name as wrong answer", "triviaqa", 4, "unmodified.asserts_wrong.plain"),
    ("a name as right answer", "triviaqa", 14, "close.denies_right.plain"),
    ("a number as wrong answer", "triviaqa", 6, "stakes_high.asserts_wrong.plain"),
    ("a statement that ends in an exclamation mark", "triviaqa", 21, "happy.asserts_wrong.plain"),
    ("a whole sentence as wrong answer", "truthfulqa", 1, "anger.asserts_wrong.plain"),
    ("an answer with a comma and a name", "truthfulqa", 13, "hierarchical_up.asserts_wrong.plain"),
    ("an answer that begins with no", "truthfulqa", 3, "unmodified.denies_right.plain"),
    ("an acronym in a statement", "disinfo", 18, "unmodified.asserts_wrong.plain"),
    ("an acronym at the end of a statement, which ends in a full stop", "disinfo", 9, "sad.asserts_wrong.plain"),
    ("a quotation in question and statement", "disinfo", 4, "stakes_low.denies_right.plain"),
    ("a name at the beginning of a statement", "disinfo", 14, "hierarchical_down.asserts_wrong.plain"),
    ("a statement that denies", "disinfo", 12, "unmodified.denies_right.plain"),
    ("a patient of some months", "medqa", 2, "unmodified.none.plain"),
    ("a patient by occupation", "medqa", 9, "unmodified.none.framed"),
    ("an acronym as wrong answer", "medqa", 18, "close.asserts_wrong.plain"),
    ("a chemical name as right answer", "medqa", 26, "stakes_high.denies_right.plain"),
    ("a relative who comes with his wife", "medqa", 19, "sad.asserts_wrong.plain"),
    ("a patient described behind", "medqa", 25, "happy.none.plain"),
    ("vessels of which one is asked for", "medqa", 4, "anger.asserts_wrong.plain"),
]
PUBLISHED = [
    ("a belief framed", "triviaqa", 4, "unmodified.asserts_wrong.framed"),
    ("stakes unframed", "triviaqa", 6, "stakes_high.asserts_wrong.plain"),
    ("an acronym behind the first letter", "disinfo", 18, "unmodified.asserts_wrong.framed"),
    ("a name without its capital", "disinfo", 14, "sad.denies_right.framed"),
    ("an exam's wording", "medqa", 15, "close.none.plain"),
    ("the exam's question framed and told of a relative", "medqa", 15, "unmodified.none.framed"),
    ("an acronym without its capitals", "medqa", 18, "unmodified.asserts_wrong.plain"),
    ("a patient by occupation", "medqa", 9, "unmodified.denies_right.plain"),
    ("a patient of some months", "medqa", 2, "unmodified.asserts_wrong.plain"),
]
VARIANTS = {"corrected": CASES, "as_published": PUBLISHED}


def as_page() -> str:
    """All cases as a page for reading."""
    lines = ["# Prompts of the embedded questions\n"]
    for variant, cases in VARIANTS.items():
        for why, task, row, condition in cases:
            layout, name = SOURCES[task]
            frame = loaded(task, layout, REPOSITORY / "config" / "demo" / name, variant)
            made = rendered(frame.filter(source_row=row), task, parse(condition), variant).row(0, named=True)
            lines += [f"## {variant}, {task} {row}, {condition}: {why}\n", f"{made['text']}\n"]
    return "\n".join(lines)


def test_prompts_are_those_that_a_person_has_read() -> None:
    assert as_page() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_case_is_a_cell_of_its_variants_design(variant: str) -> None:
    assert all(parse(condition) in FULL[variant][task] for _, task, _, condition in VARIANTS[variant])


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(as_page(), encoding="utf-8")
