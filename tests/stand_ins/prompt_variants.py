"""Prompts of the article's tasks in both variants, from a task's own file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from repository import REPOSITORY

from warmline.calls import templates
from warmline.design import conditions
from warmline.design.conditions import Condition
from warmline.prompts import contexts, rendering
from warmline.questions import reading, vignettes

FOLDER = REPOSITORY / "config" / "prompts"
SEED = 652
CONTEXTS = [conditions.UNMODIFIED, *sorted(path.stem for path in (FOLDER / "contexts").iterdir())]
TEMPLATES = {
    "corrected": {"triviaqa": "answer", "truthfulqa": "answer", "disinfo": "statement", "medqa": "vignette"},
    "as_published": {
        "triviaqa": "answer",
        "truthfulqa": "answer",
        "disinfo": "statement-as-published",
        "medqa": "vignette-as-published",
    },
}
DRAWS = {"corrected": "per-question", "as_published": "per-row"}
# The article's 28: all beliefs in all contexts, and the plain question framed.
FULL = {
    variant: {
        task: conditions.design(
            CONTEXTS,
            conditions.BELIEFS,
            conditions.AS_PUBLISHED if variant == "as_published" else ["plain"],
            ["unmodified.none.framed"],
            vignettes=task == "medqa",
        )
        for task in tasks
    }
    for variant, tasks in TEMPLATES.items()
}


def loaded(task: str, layout: str, path: Path, variant: str) -> pl.DataFrame:
    """A task's questions, vignettes told as the variant tells them."""
    frame, _ = reading.read(task, layout, [path])
    return vignettes.converted(frame, variant, SEED)[0] if task == "medqa" else frame


def rendered(frame: pl.DataFrame, task: str, cell: Condition, variant: str) -> pl.DataFrame:
    """The prompts of one condition, their text as a column, beside what they were made of."""
    context = (
        contexts.NOTHING_DISCLOSED
        if cell.context == conditions.UNMODIFIED
        else contexts.read(FOLDER / "contexts" / f"{cell.context}.yaml")
    )
    made = rendering.render(
        frame,
        cell,
        Path(conditions.belief_template(str(FOLDER / "beliefs" / TEMPLATES[variant][task]), cell.belief)),
        context,
        templates.render(FOLDER / "framing.md") if cell.framing == "framed" else "",
        SEED,
        DRAWS[variant],
    )
    text = pl.col("messages").list.first().struct["content"]
    return made.select("item", "statement", text=text).join(frame, on="item", validate="1:1")
