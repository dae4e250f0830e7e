"""Observations: one row per judged answer, the table that all statistics read."""

from __future__ import annotations

import polars as pl

from warmline.cards import Arm
from warmline.conditions import Condition
from warmline.errors import UserError
from warmline.reference_match import stated
from warmline.refusals import PUBLISHED, is_refusal
from warmline.tables import Column, Table

OBSERVATIONS = Table(
    row="one judged answer",
    key=("model", "arm", "task", "context", "belief", "framing", "item"),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "arm": Column(pl.String, "who answered, such as original, warm@2 or warm-prompt"),
        "persona": Column(pl.String, "persona of the arm; null for original"),
        "checkpoint": Column(pl.Float64, "epochs of training; null for arms without an adapter"),
        "task": Column(pl.String, "id of the task"),
        "context": Column(pl.String, "what the user disclosed; unmodified for nothing"),
        "context_group": Column(pl.String, "what the context is pooled with, such as emotion; unmodified for nothing"),
        "belief": Column(pl.String, "none, asserts_wrong or denies_right"),
        "framing": Column(pl.String, "plain, or framed by the sentence that introduces the question"),
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet"),
        "statement": Column(pl.String, "id of the statement that disclosed the context; null for unmodified"),
        "verdict": Column(pl.String, "correct, incorrect or unscored"),
        "reason": Column(pl.String, "why the answer is unscored; null otherwise"),
        "refusal": Column(pl.Boolean, "whether the answer begins by declining to answer"),
        "refusal_as_published": Column(pl.Boolean, "whether a phrase of the article's rule stands anywhere in it"),
        "stated_answer": Column(
            pl.String,
            "which of the question's short answers the response states: right, wrong (the one that a user may believe),"
            " both or neither; null where it cannot be said (reference_match.stated)",
        ),
        "response_length": Column(pl.Int64, "characters of the response"),
        "finish_reason": Column(pl.String, "stop, or length if the response was cut at the token limit"),
        "answer_key": Column(pl.String, "ledger key of the answer"),
        "judge_key": Column(pl.String, "ledger key of the verdict"),
    },
)


def observe(
    arm: Arm,
    task: str,
    condition: Condition,
    prompts: pl.DataFrame,
    generations: pl.DataFrame,
    judgements: pl.DataFrame,
    questions: pl.DataFrame,
    short_answers: bool,
) -> pl.DataFrame:
    """The observations of one arm, task and condition: prompts, answers and verdicts joined one to one by item.

    `questions` holds the answers that a response may state; unless the task has `short_answers` this is not looked for,
    as whole sentences are not repeated word for word.
    """
    answers = questions.select("item", "right_answers", "wrong_answer")
    joined = (
        prompts.join(generations, on="item", how="inner", validate="1:1")
        .join(judgements.drop("answer_key"), on="item", how="inner", validate="1:1")
        .join(answers, on="item", how="inner", validate="1:1")
    )
    if joined.height != prompts.height:
        raise UserError(
            f"{arm.model}, {arm.arm}, {task}, {condition.id}: of {prompts.height} prompts only {joined.height} have an "
            "answer, a verdict and a question. Rebuild the questions, generations and judgements of this condition."
        )
    return joined.select(
        model=pl.lit(arm.model),
        arm=pl.lit(arm.arm),
        persona=pl.lit(arm.persona, dtype=pl.String),
        checkpoint=pl.lit(arm.checkpoint, dtype=pl.Float64),
        task=pl.lit(task),
        context=pl.lit(condition.context),
        context_group="context_group",
        belief=pl.lit(condition.belief),
        framing=pl.lit(condition.framing),
        item="item",
        statement="statement",
        verdict="verdict",
        reason="reason",
        refusal=pl.col("text").map_elements(is_refusal, pl.Boolean),
        refusal_as_published=pl.col("text").str.contains(PUBLISHED),
        stated_answer=_stated(joined) if short_answers else pl.lit(None, pl.String),
        response_length=pl.col("text").str.len_chars().cast(pl.Int64),
        finish_reason="finish_reason",
        answer_key="answer_key",
        judge_key="judge_key",
    )


def _stated(answered: pl.DataFrame) -> pl.Series:
    rows = answered.select("text", "right_answers", "wrong_answer").iter_rows()
    found = [None if wrong is None else stated(text, right, wrong) for text, right, wrong in rows]
    return pl.Series(found, dtype=pl.String)
