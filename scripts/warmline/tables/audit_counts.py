"""Tables of what was kept, what was found in answers, and what calls cost."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import ARM, MODEL
from warmline.tables.parquet_tables import Column, Table

STAGE_COUNTS = Table(
    row="the rows of a stage with one outcome",
    key=("stage", "outcome"),
    columns={
        "stage": Column(pl.String, "the stage, and what its rows are"),
        "outcome": Column(pl.String, "kept, or why they left the study"),
        "rows": Column(pl.Int64, "how many"),
    },
)

ANSWER_CHECKS = Table(
    row="what one check found in an arm's answers",
    key=("model", "arm", "check"),
    columns={
        "model": MODEL,
        "arm": ARM,
        "check": Column(pl.String, "a key of generation_checks.CHECKS"),
        "answers": Column(pl.Int64, "answers that could be checked"),
        "rows": Column(pl.Int64, "answers found"),
        "share": Column(pl.Float64, "rows / answers"),
        "original_share": Column(pl.Float64, "of the original's answers cut at the token limit; for truncation only"),
        "excess": Column(
            pl.Float64, "what is held against the limit: the share, or how far truncation's two shares are apart"
        ),
        "limit": Column(pl.Float64, "the greatest share or distance that is tolerated"),
        "examples": Column(pl.String, "the first answers found; for truncation those cut in one arm only"),
        "beginnings": Column(pl.String, "how these begin, as a Python literal, which holds no control character"),
    },
)

COSTS = Table(
    row="what the calls of one job cost",
    key=("role", "model", "arm", "suite"),
    columns={
        "role": Column(pl.String, "what the calls are for, such as answers"),
        "model": Column(pl.String, "the model under study; null for rewriting"),
        "arm": Column(pl.String, "the arm under study; for rewriting the persona"),
        "suite": Column(pl.String, "the suite of questions; null for rewriting"),
        "asked": Column(pl.String, "the model that was called"),
        "rows": Column(pl.Int64, "rows asked for"),
        "answers": Column(pl.Int64, "rows that have an answer"),
        "prompt_tokens": Column(pl.Int64, "tokens read"),
        "completion_tokens": Column(pl.Int64, "tokens written"),
        "usd": Column(pl.Float64, "worth of the answers at the configured prices, whoever paid; null without prices"),
        "usd_spent": Column(pl.Float64, "what this study's runs of the job have spent so far"),
        "new": Column(pl.Int64, "calls of the last run"),
        "seconds": Column(pl.Float64, "seconds of the last run"),
        "shutdown_date": Column(pl.String, "when the endpoint stops serving the model, as the last run found; or null"),
    },
)
