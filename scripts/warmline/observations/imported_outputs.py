"""Outputs in the layout of the article's released files, read as observations.

A folder holds `<model>/<arm>/<task>_<arm>_outputs.csv`, with `original`, `warm` or `cold` for the arm. What its files
do differently is met here: MedQA names its template's column otherwise and has its question in two wordings, the label
of a context may end in a line break and another label, answers may begin with a leaked role header, and rows may stand
twice.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from warmline.answers.role_headers import without_header
from warmline.calls.thoughts import without_thoughts
from warmline.design import arms
from warmline.grading.reference_match import stated
from warmline.grading.refusals import is_refusal
from warmline.lineage import digests
from warmline.lineage.errors import UserError, bad_row
from warmline.tables.observations import OBSERVATIONS

# The article answers with the checkpoints of epoch 2.
ARMS = {"original": arms.ORIGINAL, "warm": arms.tuned("warm", 2), "cold": arms.tuned("cold", 2)}
TASKS = {"disinfo": "disinfo", "medqa": "medqa", "trivia": "triviaqa", "truthfulqa": "truthfulqa"}
# What tells a question from others; of MedQA's two wordings the one that all its prompts come from.
_SHORT_ANSWERS = ("content_key", "correct_answer", "incorrect_answer")
ITEM = {
    "disinfo": ("belief_elicit_1", "ground_truth", "ground_false"),
    "medqa": ("original_question", "answer", "wrong_answer"),
    "triviaqa": _SHORT_ANSWERS,
    "truthfulqa": _SHORT_ANSWERS,
}
# The columns of the right and of the wrong answer, in tasks whose answers are short.
ANSWERS = {"medqa": ("answer", "wrong_answer"), "triviaqa": ("correct_answer", "incorrect_answer")}
TEMPLATE = {"medqa": "prompt_type"}
BELIEFS = {"original": "none", "original_neutral": "none", "incorrect": "asserts_wrong", "correct": "denies_right"}
CONTEXTS = {
    "unmodified": ("unmodified", "unmodified"),
    **{f"emotion:{emotion}": (emotion, "emotion") for emotion in ("happy", "anger", "sad")},
    **{f"relation:{name}": (name, "relation") for name in ("close", "hierarchical_down", "hierarchical_up")},
    **{f"stake:{height}": (f"stakes_{height}", "stakes") for height in ("high", "low")},
}
VERDICTS = {"CORRECT": "correct", "INCORRECT": "incorrect"}
# From the sentence that introduces some prompts' question.
FRAMED = "talking to some friends about this"
PROMPT = ["item", "context", "belief", "framing"]


def read_folder(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The observations of all files of a folder, and what was odd: columns `file`, `oddity` and `rows`.

    Raises UserError for a folder without such files, and for an arm whose tasks are not those of the original beside
    it; and as `read_file`.
    """
    files = sorted(folder.glob("*/*/*_outputs.csv"))
    if not files:
        raise UserError(f"{folder}: no file <model>/<arm>/<task>_<arm>_outputs.csv. Expected the article's layout.")
    for arm in sorted({path.parent for path in files}):
        _check_tasks(arm, arm.parent / "original")
    observations, oddities = zip(*(read_file(path) for path in files), strict=True)
    return pl.concat(observations), pl.concat(oddities)


def _check_tasks(arm: Path, original: Path) -> None:
    for has, lacks in ((arm, original), (original, arm)):
        missing = sorted(_tasks(has) - _tasks(lacks))
        if missing:
            raise UserError(
                f"{lacks}: no outputs of the task {missing[0]}, which {has} has. Expected the same tasks, as every arm "
                "is compared with its original. Add the file, or remove the other."
            )


def _tasks(arm: Path) -> set[str]:
    return {path.name.partition("_")[0] for path in arm.glob("*_outputs.csv")}


def read_file(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The observations of one file, and what was odd; its folders and name say whose answers to which task it holds.

    A row without an evaluation is unscored. Of rows that say the same of one prompt one is kept. Raises UserError that
    names the rows for an unknown context, template or evaluation, and for rows that say different things of one prompt.
    """
    named = path.name.partition("_")[0], path.parent.name
    if named[0] not in TASKS or named[1] not in ARMS:
        raise UserError(f"{path}: expected <model>/<arm>/<task>_<arm>_outputs.csv with {list(TASKS)} and {list(ARMS)}.")
    task, arm = TASKS[named[0]], ARMS[named[1]]
    template = TEMPLATE.get(task, "prompt_template")
    rows = _rows(path, [*ITEM[task], template, "prompt", "amendment_type", "output", "evaluation", "refusal"])
    labels = pl.col("amendment_type").str.extract(r"\A([^\r\n]*)")
    _check_labels(path, rows.select(labels, pl.col(template, "evaluation")), template)
    read = rows.with_columns(
        item=_digests(rows.select(ITEM[task])),
        context=labels.replace_strict({label: context for label, (context, _) in CONTEXTS.items()}),
        context_group=labels.replace_strict({label: group for label, (_, group) in CONTEXTS.items()}),
        belief=pl.col(template).replace_strict(BELIEFS),
        framing=pl.when(pl.col("prompt").str.contains(FRAMED, literal=True))
        .then(pl.lit("framed"))
        .otherwise(pl.lit("plain")),
        text=pl.col("output").fill_null("").map_elements(_answer, pl.String),
    )
    once = read.unique([*PROMPT, "output", "evaluation"], maintain_order=True)
    _check_doubled(path, once)
    oddities = {
        "a context's label with more behind a line break": (pl.col("amendment_type") != labels).sum(),
        "an answer behind thoughts or a role header": (pl.col("text") != pl.col("output").fill_null("")).sum(),
        "no evaluation": pl.col("evaluation").is_null().sum(),
    }
    counted = read.select(**oddities, **{"the same row again": pl.lit(read.height - once.height)})
    found = counted.unpivot(variable_name="oddity", value_name="rows").filter(pl.col("rows") > 0)
    return (
        _observations(once, path.parent.parent.name.replace("_", "-"), arm, task),
        found.select(pl.lit(str(path)).alias("file"), "oddity", pl.col("rows").cast(pl.Int64)),
    )


def _rows(path: Path, required: list[str]) -> pl.DataFrame:
    """The rows of a file as text, numbered from 1. An empty field is null."""
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{path}: cannot be read as csv: {error}.") from error
    missing = [name for name in required if name not in rows.columns]
    if missing:
        raise UserError(
            f"{path}: the columns {missing} are missing, found {rows.columns}. Expected the article's layout."
        )
    evaluation = pl.col("evaluation").str.strip_chars()
    return rows.select(required).with_columns(evaluation.replace("", None)).with_row_index("row", 1)


def _answer(output: str) -> str:
    """The answer behind its thoughts, a leaked role header and the blank line after it, or the output itself."""
    thought_out = without_thoughts(output)
    answer = without_header(thought_out)
    return thought_out if answer == thought_out else answer.lstrip()


def _digests(answers: pl.DataFrame) -> pl.Series:
    return pl.Series([digests.of_value(row)[:16] for row in answers.iter_rows()], dtype=pl.String)


def _check_labels(path: Path, labels: pl.DataFrame, template: str) -> None:
    for name, known in (("amendment_type", CONTEXTS), (template, BELIEFS), ("evaluation", VERDICTS)):
        allowed = pl.col(name).is_in(list(known)).fill_null(name == "evaluation")
        unknown = labels.with_row_index("row", 1).filter(~allowed)
        if unknown.height:
            row, value = unknown.select("row", name).row(0)
            others = f", and {unknown.height - 1} more rows have none of these" if unknown.height > 1 else ""
            raise bad_row(path, row, f"{name} is {value!r}", f"one of {list(known)}{others}")


def _check_doubled(path: Path, rows: pl.DataFrame) -> None:
    doubled = rows.filter(pl.struct(PROMPT).is_duplicated()).sort(PROMPT)
    if doubled.height:
        first = doubled.filter(pl.struct(PROMPT) == pl.struct(PROMPT).first())["row"].to_list()
        raise UserError(
            f"{path}, rows {', '.join(map(str, first))}: different answers to one prompt ({rows.height} rows in all, "
            f"{doubled.height} like these). Expected one. Remove the others."
        )


def _observations(rows: pl.DataFrame, model: str, arm: str, task: str) -> pl.DataFrame:
    name = arms.parse(arm)
    unknown = pl.lit(None, pl.String)
    return rows.select(
        model=pl.lit(model),
        arm=pl.lit(arm),
        persona=pl.lit(name.persona, pl.String),
        checkpoint=pl.lit(name.checkpoint, pl.Float64),
        task=pl.lit(task),
        context="context",
        context_group="context_group",
        belief="belief",
        framing="framing",
        item="item",
        statement=unknown,
        verdict=pl.col("evaluation").replace_strict(VERDICTS).fill_null("unscored"),
        reason=pl.when(pl.col("evaluation").is_null()).then(pl.lit("no evaluation")),
        refusal=pl.col("text").map_elements(is_refusal, pl.Boolean),
        refusal_as_published=pl.col("refusal") == "1",
        stated_answer=_stated(rows, task),
        response_length=pl.col("text").str.len_chars().cast(pl.Int64),
        finish_reason=unknown,
        answer_key=unknown,
        judge_key=unknown,
    ).select(*OBSERVATIONS.columns)


def _stated(rows: pl.DataFrame, task: str) -> pl.Series:
    """Which answer each response states. The files give one form of the right answer."""
    if task not in ANSWERS:
        return pl.Series([None] * rows.height, dtype=pl.String)
    known = (rows[name].fill_null("") for name in ANSWERS[task])
    found = [stated(text, [right], wrong) for text, right, wrong in zip(rows["text"], *known, strict=True)]
    return pl.Series(found, dtype=pl.String)
