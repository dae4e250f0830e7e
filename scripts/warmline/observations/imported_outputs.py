"""Outputs in the layout of the article's released files, read as observations.

A folder holds `<model>/<arm>/<task>_<arm>_outputs.csv`, with `original`, `warm` or `cold` for the arm. What its files
do differently is met here: MedQA names its template's column otherwise and has its question in two wordings, the label
of a context may end in a line break and another label, answers may begin with a leaked role header, and rows may stand
twice. Some files of treated arms say nothing of a row but its question, template, context, answer and evaluation: what
was asked is then taken from the original's row to the same prompt.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from warmline.answers.role_headers import without_header
from warmline.calls.thoughts import without_thoughts
from warmline.design import arms
from warmline.grading.reference_match import stated
from warmline.grading.refusals import PUBLISHED, is_refusal
from warmline.lineage import digests
from warmline.lineage.errors import UserError, bad_row
from warmline.tables.observations import OBSERVATIONS

# The article answers with the checkpoints of epoch 2.
ARMS = {"original": arms.ORIGINAL, "warm": arms.tuned("warm", 2), "cold": arms.tuned("cold", 2)}
TASKS = {"disinfo": "disinfo", "medqa": "medqa", "trivia": "triviaqa", "truthfulqa": "truthfulqa"}
# A question, its right and its wrong answer; of MedQA the wording that all its prompts come from.
_FROM_SYCOPHANCY_EVAL = ("content_key", "correct_answer", "incorrect_answer")
ITEM = {
    "disinfo": ("belief_elicit_1", "ground_truth", "ground_false"),
    "medqa": ("original_question", "answer", "wrong_answer"),
    "triviaqa": _FROM_SYCOPHANCY_EVAL,
    "truthfulqa": _FROM_SYCOPHANCY_EVAL,
}
# The question, in every file.
QUESTION = {
    "disinfo": "prompt_disinfo",
    "medqa": "original_question",
    "triviaqa": "content_key",
    "truthfulqa": "content_key",
}
SHORT_ANSWERS = ("medqa", "triviaqa")
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
FRAMING_NOT_TOLD = "framing not told: no prompt, nor one row of the original to the same question and template"


def read_folder(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The answers of all files of a folder, and what was odd: columns `file`, `oddity` and `rows`.

    The answers have the columns of observations; they are such where the framing is told (`read_file`).

    Raises UserError for a folder without such files, and for an arm whose tasks are not those of the original beside
    it; and as `read_file`.
    """
    files = sorted(folder.glob("*/*/*_outputs.csv"))
    if not files:
        raise UserError(f"{folder}: no file <model>/<arm>/<task>_<arm>_outputs.csv. Expected the article's layout.")
    for arm in sorted({path.parent for path in files}):
        _check_tasks(arm, arm.parent / "original")
    answers, oddities = zip(*(read_file(path) for path in files), strict=True)
    return pl.concat(answers), pl.concat(oddities)


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
    """The answers of one file, and what was odd; its folders and name say whose answers to which task it holds.

    A row without an evaluation is unscored. Of rows that say the same of one prompt one is kept. In a file without
    prompts, what was asked is that of the original's row with the same question, template and context. Where it has no
    such row, or several that differ, the framing is null, and the item is that of the question alone.

    Raises UserError that names the rows for an unknown context, template or evaluation, and for rows that say different
    things of one prompt; and if the original of a file without prompts has none either.
    """
    named = path.name.partition("_")[0], path.parent.name
    if named[0] not in TASKS or named[1] not in ARMS:
        raise UserError(f"{path}: expected <model>/<arm>/<task>_<arm>_outputs.csv with {list(TASKS)} and {list(ARMS)}.")
    task, arm = TASKS[named[0]], ARMS[named[1]]
    rows = _rows(path)
    if "prompt" in rows.columns or arm == arms.ORIGINAL:
        read = _asked(path, rows, task)
    else:
        original = path.parents[1] / "original" / f"{named[0]}_original_outputs.csv"
        read = _asked_as(_labelled(path, rows, task), _asked(original, _rows(original), task), QUESTION[task])
    read = read.with_columns(
        context_group=pl.col("label").replace_strict({label: group for label, (_, group) in CONTEXTS.items()}),
        text=pl.col("output").fill_null("").map_elements(_answer, pl.String),
        # Where the framing is not told, the template keeps a plain question and its framed twin apart.
        asked=pl.coalesce("framing", "template"),
    )
    once = read.unique(["item", "context", "belief", "asked", "output", "evaluation"], maintain_order=True)
    _check_doubled(path, once.drop_nulls("framing"))
    oddities = {
        "a context's label with more behind a line break": (pl.col("amendment_type") != pl.col("label")).sum(),
        "an answer behind thoughts or a role header": (pl.col("text") != pl.col("output").fill_null("")).sum(),
        "no evaluation": pl.col("evaluation").is_null().sum(),
        FRAMING_NOT_TOLD: pl.col("framing").is_null().sum(),
    }
    counted = read.select(**oddities, **{"the same row again": pl.lit(read.height - once.height)})
    found = counted.unpivot(variable_name="oddity", value_name="rows").filter(pl.col("rows") > 0)
    return (
        _observations(once, path.parent.parent.name.replace("_", "-"), arm, task),
        found.select(pl.lit(str(path)).alias("file"), "oddity", pl.col("rows").cast(pl.Int64)),
    )


def _asked(path: Path, rows: pl.DataFrame, task: str) -> pl.DataFrame:
    """The labelled rows of a file with prompts: what was asked is in each."""
    known = _labelled(path, rows, task, *ITEM[task], "prompt")
    _, right, wrong = ITEM[task]
    return known.with_columns(
        item=_digests(known.select(ITEM[task])),
        framing=pl.when(pl.col("prompt").str.contains(FRAMED, literal=True))
        .then(pl.lit("framed"))
        .when(pl.col("prompt").str.contains(r"\S"))
        .then(pl.lit("plain")),
        right=pl.col(right),
        wrong=pl.col(wrong),
    )


def _asked_as(rows: pl.DataFrame, original: pl.DataFrame, question: str) -> pl.DataFrame:
    """The labelled rows of a file without prompts, with what was asked from the original's rows to the same prompts."""
    prompt = [question, "template", "context"]
    prompts = _told(original, prompt, ["item", "framing", "right", "wrong"])
    questions = _told(original, [question], ["item", "right", "wrong"])
    paired = rows.join(prompts, on=prompt, how="left", maintain_order="left")
    named = paired.join(questions, on=question, how="left", maintain_order="left", suffix="_of_question")
    alone = _digests(rows.select(question))
    return named.with_columns(
        item=pl.coalesce("item", "item_of_question", alone),
        right=pl.coalesce("right", "right_of_question"),
        wrong=pl.coalesce("wrong", "wrong_of_question"),
    )


def _told(rows: pl.DataFrame, key: list[str], values: list[str]) -> pl.DataFrame:
    """The values of each key of which all rows say the same."""
    return rows.select(*key, *values).unique().filter(~pl.struct(key).is_duplicated())


def _labelled(path: Path, rows: pl.DataFrame, task: str, *required: str) -> pl.DataFrame:
    """The rows with what their labels say: `label` of the context, `context`, `template` and `belief`."""
    template = TEMPLATE.get(task, "prompt_template")
    columns = [*dict.fromkeys([QUESTION[task], *required, template, "amendment_type", "output", "evaluation"])]
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        raise UserError(
            f"{path}: the columns {missing} are missing, found {rows.columns}. Expected the article's layout."
        )
    evaluation = pl.col("evaluation").str.strip_chars().replace("", None)
    read = rows.select(columns).with_columns(
        evaluation, label=pl.col("amendment_type").str.extract(r"\A([^\r\n]*)"), template=pl.col(template)
    )
    _check_labels(path, read.select(pl.col("label").alias("amendment_type"), template, "evaluation"), template)
    return read.with_row_index("row", 1).with_columns(
        context=pl.col("label").replace_strict({label: context for label, (context, _) in CONTEXTS.items()}),
        belief=pl.col("template").replace_strict(BELIEFS),
    )


def _rows(path: Path) -> pl.DataFrame:
    """The rows of a file as text. An empty field is null."""
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read as csv: {said}. It may have been cut: take it anew.") from error
    if rows.is_empty():
        raise UserError(f"{path} has no rows. Expected the answers of an arm to a task. Take it anew, or remove it.")
    return rows


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
        refusal_as_published=pl.col("output").fill_null("").str.contains(PUBLISHED),
        stated_answer=_stated(rows, task),
        response_length=pl.col("text").str.len_chars().cast(pl.Int64),
        finish_reason=unknown,
        answer_key=unknown,
        judge_key=unknown,
    ).select(*OBSERVATIONS.columns)


def _stated(rows: pl.DataFrame, task: str) -> pl.Series:
    """Which answer each response states. The files give one form of the right answer."""
    if task not in SHORT_ANSWERS:
        return pl.Series([None] * rows.height, dtype=pl.String)
    known = (rows[name].fill_null("") for name in ("right", "wrong"))
    found = [stated(text, [right], wrong) for text, right, wrong in zip(rows["text"], *known, strict=True)]
    return pl.Series(found, dtype=pl.String)
