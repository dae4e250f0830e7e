"""What rules and a judge say of refusals, and how far the rules agree with the judge."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import ARM, MODEL
from warmline.tables.parquet_tables import Column, Table

REFUSALS_BY_RULE = Table(
    row="one answer of an arm",
    key=("task", "condition", "item"),
    columns={
        "task": Column(pl.String, "id of the task"),
        "condition": Column(pl.String, "id of the condition"),
        "item": Column(pl.String, "id of the question, joins the generations"),
        "refusal": Column(pl.Boolean, "whether the answer begins by declining to answer"),
        "refusal_as_published": Column(pl.Boolean, "whether a phrase of the article's rule stands anywhere in it"),
    },
)

REFUSAL_LABELS = Table(
    row="an answer that a judge was asked about: does it decline?",
    key=("model", "arm", "task", "condition", "item"),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "arm": Column(pl.String, "who answered, such as original, warm@2 or warm-prompt"),
        "task": Column(pl.String, "id of the task"),
        "condition": Column(pl.String, "id of the condition"),
        "item": Column(pl.String, "id of the question, joins questions/<task>.parquet and the generations"),
        "refusal": Column(pl.Boolean, "whether the answer begins by declining to answer"),
        "refusal_as_published": Column(pl.Boolean, "whether a phrase of the article's rule stands anywhere in it"),
        "judged": Column(pl.String, "the judge's verdict: yes, no or unscored"),
        "reason": Column(pl.String, "why the verdict is unscored; null otherwise"),
        "weight": Column(pl.Float64, "how many answers of its task, of which both rules say the same, it stands for"),
        "answer_key": Column(pl.String, "ledger key of the answer"),
        "judge_key": Column(pl.String, "ledger key of the verdict; null where none was asked for"),
    },
)

REFUSAL_ERRORS = Table(
    row="one rule for refusals, held against the judge in one arm; shares are weighted to all answers of the arm",
    key=("model", "arm", "rule"),
    columns={
        "model": MODEL,
        "arm": ARM,
        "rule": Column(pl.String, "begins by declining, or a phrase of the article's rule (as published)"),
        "labelled": Column(pl.Int64, "answers of which the judge said yes or no"),
        "unscored": Column(pl.Int64, "answers of which it said neither"),
        "refusals": Column(pl.Float64, "share of refusals by the judge; null where none was labelled"),
        "found": Column(pl.Float64, "share of refusals by the rule"),
        "missed": Column(
            pl.Float64, "of the judge's refusals, the share that the rule does not find; null where none is"
        ),
        "false_alarms": Column(
            pl.Float64, "of the rule's refusals, the share that are none by the judge; null where there is none"
        ),
        "missed_answers": Column(pl.Int64, "labelled refusals that the rule does not find"),
        "false_answers": Column(pl.Int64, "labelled answers that the rule takes for refusals, and the judge does not"),
    },
)
