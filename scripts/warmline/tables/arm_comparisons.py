"""Tables that put each treated arm beside the original arm of its model, pair by pair."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import (
    BELIEF,
    CONTEXT,
    FRAMING,
    GAINED,
    LOST,
    MODEL,
    ORIGINAL_ERROR,
    PAIRS,
    PROMPTS,
    QUESTIONS,
    TASK,
    TASK_OR_ALL,
    TREATED_ARM,
    TREATED_ERROR,
)
from warmline.tables.parquet_tables import Column, Table

PAIRED_TESTS = Table(
    row="an exact McNemar test of a treated arm against the original in one cell of the design",
    key=("model", "arm", "task", "context", "belief", "framing"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "task": TASK,
        "context": CONTEXT,
        "belief": BELIEF,
        "framing": FRAMING,
        "pairs": PAIRS,
        "original_accuracy": Column(pl.Float64, "share of the pairs; null without any, as are all other rates"),
        "treated_accuracy": Column(pl.Float64, "share of the pairs"),
        "risk_difference": Column(
            pl.Float64, "treated less original error, (b - c) / pairs; positive where the treated arm is worse"
        ),
        "risk_difference_lower": Column(pl.Float64, "bound of its 95 % interval (Bonett and Price 2012)"),
        "risk_difference_upper": Column(pl.Float64, "bound of its 95 % interval (Bonett and Price 2012)"),
        "b": LOST,
        "c": GAINED,
        "odds_ratio": Column(pl.Float64, "b / c; null where c is 0"),
        "odds_ratio_lower": Column(
            pl.Float64,
            "bound of its exact 95 % interval, from that of Clopper and Pearson (1934) for b / (b + c); null where it"
            " is infinite, and where b + c is 0",
        ),
        "odds_ratio_upper": Column(pl.Float64, "the other bound"),
        "cohens_g": Column(
            pl.Float64,
            "max(b, c) / (b + c) - 0.5, from 0 to 0.5 (Cohen 1988, ch. 5); null where b + c is 0. The article prints"
            " mcnemar_z under this name",
        ),
        "mcnemar_z": Column(pl.Float64, "|b - c| / sqrt(b + c); null where b + c is 0"),
        "p_value": Column(pl.Float64, "exact two-sided McNemar test; 1 where b + c is 0, null without a pair"),
        "q_value": Column(
            pl.Float64, "p_value after Benjamini and Hochberg (1995), within each model, arm, task and belief"
        ),
        "q_value_overall": Column(pl.Float64, "the same over all rows of the table"),
    },
)

MEAN_ERRORS = Table(
    row="errors of a treated arm and of its original, mean over tasks, for one family of beliefs",
    key=("model", "arm", "family"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "family": Column(
            pl.String,
            "what the user states: no belief, belief (a wrong one), or belief less no belief, a row with the difference"
            " of the two increases alone",
        ),
        "tasks": Column(pl.Int64, "tasks with pairs, which count equally"),
        "tests": Column(pl.Int64, "paired tests with pairs"),
        "pairs": PAIRS,
        "original_error": Column(pl.Float64, "percent"),
        "treated_error": Column(pl.Float64, "percent"),
        "increase": Column(pl.Float64, "treated less original error, percentage points"),
        "p_value": Column(pl.Float64, "exact McNemar test, where the row is a single one"),
        "worse": Column(pl.Int64, "tests that show the arm worse after the correction for multiple testing"),
        "better": Column(pl.Int64, "tests that show the arm better"),
        "original_unscored": Column(pl.Int64, "unscored answers of original"),
        "unscored": Column(pl.Int64, "unscored answers of the arm"),
    },
)

SENSITIVITY = Table(
    row="a treated arm against the original under one treatment of refusals, contexts, beliefs and framings pooled",
    key=("refusals_are", "model", "arm", "task"),
    columns={
        "refusals_are": Column(pl.String, "the treatment, one of refusal_treatments.TREATMENTS"),
        "model": MODEL,
        "arm": TREATED_ARM,
        "task": TASK_OR_ALL,
        "pairs": PAIRS,
        "b": LOST,
        "c": GAINED,
        "original_error": ORIGINAL_ERROR,
        "treated_error": TREATED_ERROR,
        "risk_difference": Column(pl.Float64, "(b - c) / pairs; positive where the treated arm is worse"),
        "lower": Column(pl.Float64, "bound of its 95 % interval, clustered by question: t of questions - 1"),
        "upper": Column(pl.Float64, "bound of its 95 % interval, clustered by question: t of questions - 1"),
        "p_value": Column(
            pl.Float64, "Wald test, clustered by question: t of questions - 1; null where no interval can be had"
        ),
    },
)

EQUIVALENCE = Table(
    row="whether a treated arm differs from the original by less than the margin",
    key=("model", "arm", "task", "measure"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "task": TASK_OR_ALL,
        "measure": Column(pl.String, "error, of answers to questions; or the measure of a further task"),
        "pairs": PAIRS,
        "clusters": QUESTIONS,
        "difference": Column(
            pl.Float64, "treated less original, percentage points of error, or of the further task's rate"
        ),
        "lower": Column(pl.Float64, "bound of its 90 % interval, within which it must lie"),
        "upper": Column(pl.Float64, "bound of its 90 % interval, within which it must lie"),
        "margin": Column(pl.Float64, "percentage points"),
        "p_value": Column(pl.Float64, "of equivalence, the larger one of the two one-sided tests (Gaffke 2005)"),
        "p_value_difference": Column(
            pl.Float64, "two-sided, of there being no difference; McNemar's exact test where a question was asked once"
        ),
        "verdict": Column(
            pl.String,
            "equivalent if p_value is below 0.05, whether or not a small difference is certain; else different if"
            " p_value_difference is; else inconclusive",
        ),
    },
)

SYCOPHANCY = Table(
    row="what a belief adds to a treated arm's errors less what it adds to the original's",
    key=("model", "arm", "belief", "task"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "belief": Column(pl.String, "asserts_wrong or denies_right"),
        "task": TASK_OR_ALL,
        "prompts": PROMPTS,
        "questions": QUESTIONS,
        "original_added": Column(pl.Float64, "what the belief adds to original's error, as a share of its answers"),
        "treated_added": Column(pl.Float64, "what it adds to the treated arm's"),
        "difference": Column(pl.Float64, "treated less original; positive where the treated arm yields more"),
        "standard_error": Column(pl.Float64, "of the difference, clustered by question"),
        "lower": Column(pl.Float64, "bound of its 95 % interval: t of questions - 1"),
        "upper": Column(pl.Float64, "bound of its 95 % interval: t of questions - 1"),
        "p_value": Column(pl.Float64, "Wald test of the difference: t of questions - 1"),
    },
)

ADOPTION = Table(
    row="how often a treated arm and its original state the wrong answer, without and with the user stating it",
    key=("model", "arm", "task", "stated"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "task": TASK_OR_ALL,
        "stated": Column(pl.String, "wrong for the wrong answer without a right one, or both"),
        "prompts": PROMPTS,
        "questions": QUESTIONS,
        "original_without": Column(pl.Float64, "share of original's answers without the belief"),
        "original_with": Column(pl.Float64, "the same with it"),
        "treated_without": Column(pl.Float64, "share of the treated arm's answers without the belief"),
        "treated_with": Column(pl.Float64, "the same with it"),
        "difference": Column(
            pl.Float64, "what the belief adds to the treated arm's share less what it adds to original's"
        ),
        "standard_error": Column(pl.Float64, "of the difference, clustered by question"),
        "lower": Column(pl.Float64, "bound of its 95 % interval: t of questions - 1"),
        "upper": Column(pl.Float64, "bound of its 95 % interval: t of questions - 1"),
        "p_value": Column(pl.Float64, "Wald test of the difference: t of questions - 1"),
    },
)
