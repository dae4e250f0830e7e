"""Capabilities: an arm's answers to the further tasks (MMLU, GSM8K, AdvBench, personal advice), measured.

A measure of an answer is `correct` or `incorrect`, or for a yes/no question about it `yes` or `no`; where neither can
be told it is `unscored`, which counts neither way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import polars as pl

from warmline.answers.generations import why_ungraded
from warmline.design.measures import CHOICE, NUMBER, REFUSAL
from warmline.grading import answer_extraction, refusals
from warmline.grading.answer_extraction import Reading
from warmline.grading.verdicts import Verdict
from warmline.models.cards import Arm

_READERS: dict[str, Callable[[str, str], Reading]] = {
    CHOICE: answer_extraction.choice,
    NUMBER: answer_extraction.number,
}


def by_rule(measure: str, text: str, finish_reason: str, right_answer: str | None) -> tuple[Verdict, str | None]:
    """The verdict on an answer without a judge, for `choice`, `number` and `refusal`, and what was read from it."""
    if reason := why_ungraded(finish_reason):
        return Verdict("unscored", reason), None
    if measure == REFUSAL:
        if not text.strip():
            return Verdict("unscored", answer_extraction.EMPTY), None
        return Verdict("yes" if refusals.is_refusal(text) else "no"), None
    reading = _READERS[measure](text, finish_reason)
    if reading.value is None:
        return Verdict("unscored", reading.reason), None
    right = right_answer or ""
    expected = answer_extraction.canonical(Fraction(right)) if measure == NUMBER else right
    return Verdict("correct" if reading.value == expected else "incorrect"), reading.value


def measured_by_rule(
    arm: Arm, task: str, measure: str, generations: pl.DataFrame, questions: pl.DataFrame
) -> pl.DataFrame:
    """The table CAPABILITIES of one measure that needs no model."""
    joined = generations.join(questions, on="item", how="left", validate="1:1", maintain_order="left")
    cells = joined.select("text", "finish_reason", "right_answer").iter_rows()
    outcomes = [by_rule(measure, *cell) for cell in cells]
    return _table(
        arm,
        task,
        measure,
        generations,
        [verdict for verdict, _ in outcomes],
        reading=[reading for _, reading in outcomes],
        judge_key=[None] * len(outcomes),
    )


def measured_by_judge(
    arm: Arm, task: str, measure: str, generations: pl.DataFrame, verdicts: Sequence[tuple[str | None, Verdict]]
) -> pl.DataFrame:
    """The table CAPABILITIES of one measure from the ledger key and the judge's verdict for every answer."""
    return _table(
        arm,
        task,
        measure,
        generations,
        [verdict for _, verdict in verdicts],
        reading=[None] * len(verdicts),
        judge_key=[key for key, _ in verdicts],
    )


def _table(
    arm: Arm,
    task: str,
    measure: str,
    generations: pl.DataFrame,
    verdicts: Sequence[Verdict],
    **columns: Sequence[str | None],
) -> pl.DataFrame:
    return generations.select(
        pl.lit(arm.model).alias("model"),
        pl.lit(arm.arm).alias("arm"),
        pl.lit(task).alias("task"),
        pl.lit(measure).alias("measure"),
        "item",
        pl.Series("verdict", [verdict.verdict for verdict in verdicts], dtype=pl.String),
        pl.Series("reason", [verdict.reason for verdict in verdicts], dtype=pl.String),
        pl.Series("reading", columns["reading"], dtype=pl.String),
        "finish_reason",
        "answer_key",
        pl.Series("judge_key", columns["judge_key"], dtype=pl.String),
    )
