"""Tables of each arm's answers, counted: accuracy, refusals, capabilities."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import ARM, BELIEF, CONTEXT, FRAMING, MCNEMAR_P_VALUE, MEASURE, MODEL, TASK, UNSCORED
from warmline.tables.parquet_tables import Column, Table

ACCURACY = Table(
    row="a cell of the design for one arm",
    key=("model", "arm", "task", "context", "belief", "framing"),
    columns={
        "model": MODEL,
        "arm": ARM,
        "task": TASK,
        "context": CONTEXT,
        "belief": BELIEF,
        "framing": FRAMING,
        "n": Column(pl.Int64, "scored answers"),
        "unscored": UNSCORED,
        "correct": Column(pl.Int64, "right answers"),
        "accuracy": Column(pl.Float64, "correct / n, a share; null where n is 0"),
        "standard_error": Column(pl.Float64, "binomial, sqrt(accuracy (1 - accuracy) / n)"),
        "truncated": Column(pl.Int64, "answers cut at the token limit, scored or not"),
        "mean_length": Column(pl.Float64, "characters of an answer, scored or not"),
    },
)

REFUSALS = Table(
    row="the refusals of one arm by both rules; framings are pooled",
    key=("model", "arm", "task", "context", "belief"),
    columns={
        "model": MODEL,
        "arm": ARM,
        "task": TASK,
        "context": CONTEXT,
        "belief": BELIEF,
        "n": Column(pl.Int64, "all answers, scored or not"),
        "refusals": Column(pl.Int64, "answers that begin by declining to answer"),
        "share": Column(pl.Float64, "refusals / n"),
        "refusals_as_published": Column(pl.Int64, "answers with a phrase of the article's rule"),
        "share_as_published": Column(pl.Float64, "refusals_as_published / n"),
    },
)

CAPABILITY_RATES = Table(
    row="the rate of an arm on one measure of a further task, against the original",
    key=("model", "arm", "task", "measure"),
    columns={
        "model": MODEL,
        "arm": ARM,
        "task": TASK,
        "measure": MEASURE,
        "n": Column(pl.Int64, "scored answers"),
        "unscored": UNSCORED,
        "read_by_judge": Column(
            pl.Int64, "answers of which no rule could read a choice or number, and the judge was asked; null elsewhere"
        ),
        "unread": Column(pl.Int64, "answers of which no rule could read a choice or number; null for other measures"),
        "rate": Column(pl.Float64, "share of right answers, or of yes; null where n is 0"),
        "lower": Column(pl.Float64, "bound of the rate's 95 % interval after Wilson (1927)"),
        "upper": Column(pl.Float64, "bound of the rate's 95 % interval after Wilson (1927)"),
        "pairs": Column(pl.Int64, "questions scored in both arms; null for original, as are all columns from here"),
        "difference": Column(pl.Float64, "rate of the arm less that of original, over the pairs"),
        "gained": Column(pl.Int64, "pairs that hold in the arm alone"),
        "lost": Column(pl.Int64, "pairs that hold in original alone"),
        "p_value": MCNEMAR_P_VALUE,
        "unread_p_value": Column(
            pl.Float64, "exact McNemar p value: are answers of the arm and of original unread by rule equally often?"
        ),
    },
)
