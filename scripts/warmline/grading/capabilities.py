"""Capabilities: an arm's answers to the further tasks (MMLU, GSM8K, AdvBench, personal advice), measured.

A measure of an answer is `correct` or `incorrect`, or for a yes/no question about it `yes` or `no`; where neither can
be told it is `unscored`, which counts neither way. A choice or a number is read by rule; what no rule can read, a model
that judges reads, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import polars as pl

from warmline.answers.generations import why_ungraded
from warmline.design.measures import CHOICE, NUMBER, READ, REFUSAL
from warmline.grading import choices, numbers, readings, refusals
from warmline.grading.judge_replies import NONE
from warmline.grading.readings import Reading
from warmline.grading.verdicts import Verdict
from warmline.models.cards import Arm

_READERS: dict[str, Callable[[str, str], Reading]] = {CHOICE: choices.choice, NUMBER: numbers.number}
# Nobody can read more than there is.
_NOTHING_TO_READ = (readings.EMPTY, readings.CUT)


def by_rule(measure: str, text: str, finish_reason: str, right_answer: str | None) -> tuple[Verdict, str | None]:
    """The verdict on an answer without a judge, for `choice`, `number` and `refusal`, and what was read from it."""
    if reason := why_ungraded(finish_reason):
        return Verdict("unscored", reason), None
    if measure == REFUSAL:
        if not text.strip():
            return Verdict("unscored", readings.EMPTY), None
        return Verdict("yes" if refusals.is_refusal(text) else "no"), None
    reading = _READERS[measure](text, finish_reason)
    if reading.value is None:
        return Verdict("unscored", reading.reason), None
    return _compared(measure, reading.value, right_answer), reading.value


def for_the_judge(generations: pl.DataFrame, criterion: str) -> pl.DataFrame:
    """The answers that a judge is asked about: all, or of a measure that is read those that no rule can read."""
    if criterion not in READ:
        return generations
    reader = _READERS[criterion]
    unread = [
        why_ungraded(finish_reason) is None
        and (reading := reader(text, finish_reason)).value is None
        and reading.reason not in _NOTHING_TO_READ
        for text, finish_reason in generations.select("text", "finish_reason").iter_rows()
    ]
    return generations.filter(pl.Series(unread, dtype=pl.Boolean))


def measured(
    arm: Arm,
    task: str,
    measure: str,
    generations: pl.DataFrame,
    questions: pl.DataFrame,
    judged: Mapping[str, tuple[str | None, Verdict]],
) -> pl.DataFrame:
    """The table CAPABILITIES of one measure.

    `judged` holds for each item that the judge was asked about its ledger key and verdict; a rule decides the others.
    """
    joined = generations.join(questions, on="item", how="left", validate="1:1", maintain_order="left")
    outcomes: list[tuple[Verdict, str | None, str | None]] = []
    for item, text, finish_reason, right in joined.select("item", "text", "finish_reason", "right_answer").iter_rows():
        if item not in judged:
            outcomes.append((*by_rule(measure, text, finish_reason, right), None))
            continue
        key, verdict = judged[item]
        if measure in READ:
            outcomes.append((*_read_by_judge(measure, verdict, right), key))
        else:
            outcomes.append((verdict, None, key))
    return generations.select(
        pl.lit(arm.model).alias("model"),
        pl.lit(arm.arm).alias("arm"),
        pl.lit(task).alias("task"),
        pl.lit(measure).alias("measure"),
        "item",
        pl.Series("verdict", [verdict.verdict for verdict, _, _ in outcomes], dtype=pl.String),
        pl.Series("reason", [verdict.reason for verdict, _, _ in outcomes], dtype=pl.String),
        pl.Series("reading", [reading for _, reading, _ in outcomes], dtype=pl.String),
        "finish_reason",
        "answer_key",
        pl.Series("judge_key", [key for _, _, key in outcomes], dtype=pl.String),
    )


def _read_by_judge(measure: str, verdict: Verdict, right_answer: str | None) -> tuple[Verdict, str | None]:
    if verdict.verdict == "unscored":
        return verdict, None
    if verdict.verdict == NONE:
        return Verdict("unscored", f"the judge reads no {measure}"), None
    return _compared(measure, verdict.verdict, right_answer), verdict.verdict


def _compared(measure: str, value: str, right_answer: str | None) -> Verdict:
    right = right_answer or ""
    expected = numbers.canonical(Fraction(right)) if measure == NUMBER else right
    return Verdict("correct" if value == expected else "incorrect")
