"""Tables of the regressions: coefficients, effects of treatment, and how far these carry."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import (
    CLUSTERS,
    CONTRAST,
    EFFECT,
    LOWER,
    LOWER_CLUSTERED,
    P_VALUE,
    P_VALUE_CLUSTERED,
    ROWS,
    STANDARD_ERROR,
    STANDARD_ERROR_CLUSTERED,
    STATE,
    SUBSET,
    TREATED_ARM,
    UPPER,
    UPPER_CLUSTERED,
)
from warmline.tables.parquet_tables import Column, Table

FITTED = "fitted"
SEPARATION = "separation"
PENALISED = "separation: Firth's penalised fit"
"""States of a regression: the first and the last have estimates (`warmline.regressions.logistic.fit`)."""

COEFFICIENTS = Table(
    row="a coefficient of one regression of one arm",
    key=("term",),
    columns={
        "state": STATE,
        "term": Column(pl.String, "the term; treated alone where the regression was not fitted"),
        "coefficient": Column(pl.Float64, "log-odds of an incorrect answer"),
        "standard_error": STANDARD_ERROR,
        "z": Column(pl.Float64, "coefficient / standard_error"),
        "p_value": P_VALUE,
        "standard_error_clustered": STANDARD_ERROR_CLUSTERED,
        "p_value_clustered": P_VALUE_CLUSTERED,
    },
)

MARGINAL_EFFECTS = Table(
    row="an average marginal effect of one regression of one arm, or the difference of two",
    key=("subset", "contrast"),
    columns={
        "state": STATE,
        "subset": SUBSET,
        "contrast": CONTRAST,
        "rows": ROWS,
        "clusters": CLUSTERS,
        "effect": EFFECT,
        "standard_error": STANDARD_ERROR,
        "lower": LOWER,
        "upper": UPPER,
        "p_value": P_VALUE,
        "standard_error_clustered": STANDARD_ERROR_CLUSTERED,
        "lower_clustered": LOWER_CLUSTERED,
        "upper_clustered": UPPER_CLUSTERED,
        "p_value_clustered": P_VALUE_CLUSTERED,
        "p_value_holm": Column(pl.Float64, "of a difference, p_value corrected for their number (Holm 1979)"),
        "p_value_holm_clustered": Column(pl.Float64, "of a difference, p_value_clustered corrected for their number"),
    },
)

JOINT_TESTS = Table(
    row="whether the effect differs between levels of a factor at all, by one kind of errors",
    key=("errors",),
    columns={
        "factor": Column(pl.String, "context_group, context or belief"),
        "errors": Column(pl.String, "clustered by question, or from the model"),
        "state": Column(
            pl.String,
            "tested; separation: Firth's penalised fit, which is tested then; else the regression's own, or one level,"
            " too few questions (no more than coefficients) or singular covariance (some differences have no error, or"
            " follow from the others)",
        ),
        "rows": ROWS,
        "clusters": CLUSTERS,
        "wald": Column(pl.Float64, "Wald statistic of all differences of two effects together"),
        "degrees_of_freedom": Column(pl.Int64, "the number of differences"),
        "p_value": Column(pl.Float64, "from the model by chi-squared, clustered by Hotelling's T-squared"),
    },
)

ROBUSTNESS = Table(
    row="the effect over all rows of a regression by one analysis",
    key=("regression", "arm", "subset", "errors"),
    columns={
        "regression": Column(pl.String, "id of the regression"),
        "arm": TREATED_ARM,
        "subset": Column(
            pl.String,
            "of which answers: all, without model ..., without task ..., refusals as published (the article's"
            " treatment), ended by themselves in both arms, or cut in either arm",
        ),
        "errors": Column(
            pl.String,
            "where the interval comes from: clustered by question, from the model, bootstrap over questions, or"
            " correlated within questions, which changes the estimate too",
        ),
        "state": Column(
            pl.String,
            "fitted; separation: Firth's penalised fit; else why the regression could not be, or too few questions (no"
            " more than coefficients), no variation (both arms answered every question alike) or ... of ... draws not"
            " fitted, which leave no interval",
        ),
        "rows": ROWS,
        "clusters": CLUSTERS,
        "effect": EFFECT,
        "lower": Column(pl.Float64, "bound of its 95 % interval"),
        "upper": Column(pl.Float64, "bound of its 95 % interval"),
    },
)

EFFECTS = Table(
    row="an effect of treatment: a marginal effect, or a difference in differences of sycophancy",
    key=("analysis", "model", "arm", "subset", "contrast"),
    columns={
        "analysis": Column(pl.String, "id of the regression, or sycophancy"),
        "model": Column(pl.String, "id of the base model; null where models are pooled"),
        "arm": TREATED_ARM,
        "state": Column(pl.String, "of the regression; null for sycophancy"),
        "subset": Column(pl.String, "of which answers, as in the marginal effects; for sycophancy the kind of belief"),
        "contrast": CONTRAST,
        "rows": Column(pl.Int64, "answers, or prompts for sycophancy"),
        "clusters": CLUSTERS,
        "effect": EFFECT,
        "lower": LOWER,
        "upper": UPPER,
        "p_value": P_VALUE,
        "lower_clustered": LOWER_CLUSTERED,
        "upper_clustered": UPPER_CLUSTERED,
        "p_value_clustered": P_VALUE_CLUSTERED,
        "article": Column(pl.Float64, "what the article printed for this effect, percentage points"),
    },
)
