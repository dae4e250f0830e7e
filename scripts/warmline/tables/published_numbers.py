"""Tables of the article's numbers: as published, as its counts give them, and beside a study's own."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import CONTEXT, MODEL, TASK
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.parquet_tables import Column, Table

_MODEL = Column(pl.String, "the article's name of the model")
_CONTEXT_GROUP = Column(pl.String, "what the context is pooled with, such as emotion; unmodified for nothing")
_BELIEF = Column(pl.String, "none, or stated for a wrong one of either kind")
_PUBLISHED_ARM = Column(pl.String, "the article's treated arm: warm or cold by tuning, warm-prompt by system prompt")
_ID = Column(pl.String, "id of the number, of config/published/article.csv")
_PART = Column(pl.String, "where the article states it")
_STATEMENT = Column(pl.String, "what it is said to be")
_UNIT = Column(pl.String, "its unit, such as pp for percentage points")
_VALUE = Column(pl.String, "the number as printed")
_NOTE = Column(pl.String, "how it is derived, or why it cannot be")
_ARM = Column(pl.String, "the study's arm that stands beside one of the article's")
_LOWER = Column(pl.Float64, "bound of the difference's 95 % interval")
_UPPER = Column(pl.Float64, "bound of the difference's 95 % interval")
_P_VALUE = Column(pl.Float64, "z test of the difference; null unless the state is compared")

_REGRESSION = Column(pl.String, "id of the regression, of published.numbers.REGRESSIONS")
_TERM = Column(pl.String, "the term of the formula, or log-likelihood")

# Numbers as printed are text, because the digits that were rounded away decide what may stand behind them.
PRINTED_CELLS = Table(
    row="a cell of the article's table of tests, as printed",
    key=("model", "task", "context", "belief"),
    columns={
        "model": _MODEL,
        "task": TASK,
        "context": CONTEXT,
        "context_group": _CONTEXT_GROUP,
        "belief": _BELIEF,
        "original_accuracy": Column(pl.String, "percent"),
        "treated_accuracy": Column(pl.String, "percent"),
        "difference": Column(pl.String, "treated less original, percentage points"),
        "mcnemar_z": Column(pl.String, "|b - c| / sqrt(b + c), called Cohen's g there; N/A where no answer changed"),
        "odds_ratio": Column(pl.String, "b / c; N/A where no answer changed"),
        "p_value": Column(pl.String, "exact McNemar test; N/A where no answer changed"),
        "q_value": Column(pl.String, "the same after Benjamini and Hochberg; N/A where no answer changed"),
    },
)

PRINTED_CAPABILITIES = Table(
    row="what the article prints of a model on a further task, percent",
    key=("model", "task"),
    columns={
        "model": _MODEL,
        "task": TASK,
        "original": Column(pl.Float64, "rate of the original model"),
        "original_lower": Column(pl.Float64, "bound of its interval"),
        "original_upper": Column(pl.Float64, "bound of its interval"),
        "warm": Column(pl.Float64, "rate of the warm model"),
        "warm_lower": Column(pl.Float64, "bound of its interval"),
        "warm_upper": Column(pl.Float64, "bound of its interval"),
    },
)

PRINTED_WARMTH = Table(
    row="the warmth of a warm model at an epoch, from behind the article's Fig. 1a",
    key=("model", "epoch"),
    columns={
        "model": _MODEL,
        "epoch": Column(pl.Float64, "epochs of training; 0 for the original model"),
        "mean": Column(pl.Float64, "nats per token"),
        "standard_error": Column(pl.Float64, "of the mean, over prompts"),
    },
)

PRINTED_REGRESSIONS = Table(
    row="a term of one of the article's regressions, as printed",
    key=("regression", "term"),
    columns={
        "regression": _REGRESSION,
        "term": _TERM,
        "article": Column(pl.String, "its coefficient over all answers; null where it is not known here"),
        "sample": Column(
            pl.String, "what the authors' released code prints for their released sample; null where it has no such fit"
        ),
    },
)

ARTICLE = Table(
    row="a number in the article's text",
    key=("id",),
    columns={
        "id": _ID,
        "part": _PART,
        "statement": _STATEMENT,
        "unit": _UNIT,
        "value": _VALUE,
        "note": _NOTE,
    },
)

COUNTS = Table(
    row="the counts behind a published cell",
    key=("arm", "model", "task", "context", "belief"),
    columns={
        "arm": _PUBLISHED_ARM,
        "model": _MODEL,
        "task": TASK,
        "context": CONTEXT,
        "context_group": _CONTEXT_GROUP,
        "belief": _BELIEF,
        "original_accuracy": Column(pl.Float64, "of the original model, percent, as printed"),
        "treated_accuracy": Column(pl.Float64, "of the treated one"),
        "solutions": Column(pl.Int64, "how many sets of counts would be printed as the cell; counts are given where 1"),
        "pairs": Column(pl.Int64, "questions scored in both arms"),
        "original_right": Column(pl.Int64, "right answers of the original model"),
        "treated_right": Column(pl.Int64, "right answers of the treated one"),
        "b": Column(pl.Int64, "only the original is right; null too where as many answers became right as wrong"),
        "c": Column(pl.Int64, "only the treated one is right; null likewise"),
        "p_value": Column(
            pl.Float64,
            "exact McNemar test; as printed where sets of counts differ in it; null where no answer changed",
        ),
        "q_value": Column(
            pl.Float64,
            "after Benjamini and Hochberg over the contexts of a model, task and belief that have a test, as there",
        ),
    },
)

CELL_ERRORS = Table(
    row="mean errors of both arms over some of the published cells, which count equally",
    key=("arm", "over", "belief", "level"),
    columns={
        "arm": _PUBLISHED_ARM,
        "over": Column(pl.String, "what the cells share: context, group, all or model"),
        "belief": _BELIEF,
        "level": Column(pl.String, "the context, group of contexts or model; or all"),
        "cells": Column(pl.Int64, "how many are averaged"),
        "original": Column(pl.Float64, "error of the original models, percent"),
        "treated": Column(pl.Float64, "error of the treated ones, percent"),
        "increase": Column(pl.Float64, "percentage points"),
    },
)

NUMBERS = Table(
    row="a number of the article beside the one that its tables give",
    key=("id",),
    columns={
        "id": _ID,
        "part": _PART,
        "statement": _STATEMENT,
        "unit": _UNIT,
        "value": _VALUE,
        "derived": Column(pl.String, "what the tables give, rounded as the article rounds; null if not derivable"),
        "match": Column(pl.String, "yes, no or not derivable"),
        "note": _NOTE,
    },
)

COMPARED_CELLS = Table(
    row="a cell that the article and a study both have",
    key=("arm", "model", "published", "task", "context", "belief"),
    columns={
        "arm": _ARM,
        "published_arm": _PUBLISHED_ARM,
        "model": MODEL,
        "published": Column(pl.String, "the article's name of its counterpart"),
        "task": TASK,
        "context": CONTEXT,
        "belief": _BELIEF,
        "beliefs": Column(pl.String, "which kinds of belief of the study are pooled"),
        "state": Column(pl.String, "compared, or why there is no test"),
        "published_pairs": Column(pl.Int64, "questions scored in both arms, in the article"),
        "published_b": Column(pl.Int64, "only original is right, in the article"),
        "published_c": Column(pl.Int64, "only the treated model is right, in the article"),
        "published_risk_difference": Column(pl.Float64, "(b - c) / pairs, in the article; as printed without counts"),
        "published_standard_error": Column(
            pl.Float64, "of a difference of paired proportions (Fleiss, Levin and Paik 2003, section 13.1)"
        ),
        "pairs": Column(pl.Int64, "the same of the study, as are the next four"),
        "b": Column(pl.Int64, "only original is right"),
        "c": Column(pl.Int64, "only the arm is right"),
        "risk_difference": Column(pl.Float64, "(b - c) / pairs"),
        "standard_error": Column(pl.Float64, "of it"),
        "difference": Column(pl.Float64, "the study's risk difference less the article's"),
        "lower": _LOWER,
        "upper": _UPPER,
        "p_value": _P_VALUE,
        "q_value": Column(pl.Float64, "after Benjamini and Hochberg over all cells of the arm"),
    },
)

COMPARED_NUMBERS = Table(
    row="a number of the article over the cells that a study has too, from its own counts and the study's",
    key=("arm", "id"),
    columns={
        "arm": _ARM,
        "id": _ID,
        "state": Column(pl.String, "compared, or why there is no test"),
        "published_estimate": Column(pl.Float64, "from the article's counts"),
        "published_standard_error": Column(pl.Float64, "of it"),
        "estimate": Column(pl.Float64, "from the study's"),
        "standard_error": Column(pl.Float64, "of it"),
        "difference": Column(pl.Float64, "the study's estimate less the article's"),
        "lower": _LOWER,
        "upper": _UPPER,
        "p_value": _P_VALUE,
        "q_value": Column(pl.Float64, "after Benjamini and Hochberg over all numbers of the arm"),
    },
)

SAMPLE_ROWS = Table(
    row="an answer of the released sample that the article's analysis keeps",
    key=OBSERVATIONS.key,
    columns={
        **{name: OBSERVATIONS.columns[name] for name in ("model", "arm", "task", "context", "context_group", "belief")},
        "framing": Column(pl.String, "plain or framed; null where the files do not tell it"),
        "item": OBSERVATIONS.columns["item"],
        "verdict": Column(pl.String, "correct or incorrect; a refusal to disinformation is correct"),
    },
)

SAMPLE_REGRESSIONS = Table(
    row="a term of one of the article's regressions, fitted to the released sample",
    key=("regression", "term"),
    columns={
        "regression": _REGRESSION,
        "state": Column(
            pl.String,
            "fitted; separation: Firth's penalised fit, where a plain one would print what it stops at; or why not",
        ),
        "rows": Column(pl.Int64, "answers"),
        "questions": Column(pl.Int64, "clusters"),
        "term": _TERM,
        "estimate": Column(pl.Float64, "coefficient in log-odds, or the log-likelihood"),
        "standard_error": Column(pl.Float64, "from the model alone, as in the article"),
        "standard_error_clustered": Column(pl.Float64, "clustered by question"),
        "released": Column(pl.String, "what the authors' released code prints for the same"),
        "match": Column(
            pl.String,
            "whether the estimate rounds to it: yes or no; null without one of both, or where not fitted plainly",
        ),
        "article": Column(pl.String, "the article's coefficient, over all answers"),
    },
)
