"""Observing: an arm's prompts, answers and verdicts as observations.

Apart from the table itself, so that a change to what is looked for in answers concerns no statistic but through it.
"""

from __future__ import annotations

import polars as pl

from warmline.design.conditions import Condition
from warmline.grading.reference_match import stated
from warmline.lineage.errors import UserError
from warmline.models.cards import Arm


def observe(
    arm: Arm,
    task: str,
    condition: Condition,
    prompts: pl.DataFrame,
    generations: pl.DataFrame,
    judgements: pl.DataFrame,
    refusals: pl.DataFrame,
    questions: pl.DataFrame,
    short_answers: bool,
) -> pl.DataFrame:
    """The observations of one arm, task and condition: prompts, answers and verdicts joined one to one by item.

    `refusals` is what rules find in the arm's answers (REFUSALS_BY_RULE). `questions` holds the answers that a response
    may state; unless the task has `short_answers` this is not looked for, as whole sentences are not repeated word for
    word.
    """
    answers = questions.select("item", "right_answers", "wrong_answer")
    found = refusals.filter(task=task, condition=condition.id).drop("task", "condition")
    joined = (
        prompts.join(generations, on="item", how="inner", validate="1:1")
        .join(judgements.drop("answer_key"), on="item", how="inner", validate="1:1")
        .join(found, on="item", how="inner", validate="1:1")
        .join(answers, on="item", how="inner", validate="1:1")
    )
    if joined.height != prompts.height:
        raise UserError(
            f"{arm.model}, {arm.arm}, {task}, {condition.id}: of {prompts.height} prompts only {joined.height} have an "
            "answer, a verdict, a rule's word on whether it declines, and a question. Rebuild the questions, "
            "generations, refusals and judgements of this condition."
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
        refusal="refusal",
        refusal_as_published="refusal_as_published",
        stated_answer=_stated(joined) if short_answers else pl.lit(None, pl.String),
        response_length=pl.col("text").str.len_chars().cast(pl.Int64),
        finish_reason="finish_reason",
        answer_key="answer_key",
        judge_key="judge_key",
    )


def with_labels(observations: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The observations with refusals as the judge labelled them (REFUSAL_LABELS); where it could not tell, by rule."""
    told = labels.filter(pl.col("judged") != "unscored")
    judged = told.select("answer_key", "task", "item", judged=pl.col("judged") == "yes")
    return (
        observations.join(judged.unique(), on=["answer_key", "task", "item"], how="left", maintain_order="left")
        .with_columns(refusal=pl.coalesce("judged", "refusal"))
        .drop("judged")
    )


def _stated(answered: pl.DataFrame) -> pl.Series:
    rows = answered.select("text", "right_answers", "wrong_answer").iter_rows()
    found = [None if wrong is None else stated(text, right, wrong) for text, right, wrong in rows]
    return pl.Series(found, dtype=pl.String)
