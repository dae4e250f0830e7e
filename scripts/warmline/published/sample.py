"""The article's regressions of the sample of answers that its authors released.

The sample is too small for most of them: a term tells right from wrong, and the likelihood has no maximum. The authors'
code prints whatever number it stops at; here the state says so, and the numbers are those of the penalised likelihood.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from warmline.design.published_arms import WARM
from warmline.design.variants import AS_PUBLISHED
from warmline.published.numbers import REGRESSIONS, fitted, rounded_like
from warmline.regressions.logistic import Regression, coefficient_table
from warmline.statistics.refusal_treatments import with_refusals
from warmline.tables.csv_tables import rounded
from warmline.tables.published_numbers import SAMPLE_REGRESSIONS, SAMPLE_ROWS
from warmline.tables.regression_results import FITTED

LOG_LIKELIHOOD = "log-likelihood"


def kept(answers: pl.DataFrame) -> pl.DataFrame:
    """The answers that the article's analysis keeps: SAMPLE_ROWS.

    `answers` are those of imported_outputs.read_folder. By the article's rule refusals leave, except from
    disinformation, where they are correct.
    """
    scored = with_refusals(answers, AS_PUBLISHED, ["disinfo"]).filter(pl.col("verdict") != "unscored")
    return scored.select(*SAMPLE_ROWS.columns).sort(SAMPLE_ROWS.key)


def regressions(rows: pl.DataFrame, printed: pl.DataFrame) -> pl.DataFrame:
    """The article's models 1 to 4 of these rows (SAMPLE_ROWS), each term beside the printed ones: SAMPLE_REGRESSIONS.

    `printed` is the table PRINTED_REGRESSIONS. The treated arm is the one beside original, whatever the epoch.
    """
    answers = rows.with_columns(
        arm=pl.when(pl.col("arm") == "original").then("arm").otherwise(pl.lit(WARM)),
        belief=pl.when(pl.col("belief") == "none").then("belief").otherwise(pl.lit("stated")),
        response_length=pl.lit(0, pl.Int64),
    )
    return pl.concat(_beside(name, fitted(answers, name), printed.filter(regression=name)) for name in REGRESSIONS)


def _beside(name: str, regression: Regression, printed: pl.DataFrame) -> pl.DataFrame:
    found = _terms(regression)
    terms = pl.concat([found["term"], printed.drop_nulls("sample")["term"]]).unique(maintain_order=True)
    table = pl.DataFrame({"term": terms}).join(found, on="term", how="left", maintain_order="left")
    table = table.join(printed.drop("regression"), on="term", how="left", maintain_order="left")
    # Only a plain fit is what the released code makes.
    plain = regression.state == FITTED
    match = [
        _same(estimate, sample) if plain and estimate is not None and sample is not None else None
        for estimate, sample in table.select("estimate", "sample").iter_rows()
    ]
    return table.select(
        regression=pl.lit(name),
        state=pl.lit(regression.state),
        rows=pl.lit(regression.patterns["answers"].sum(), pl.Int64),
        questions=pl.lit(regression.cells["question"].n_unique(), pl.Int64),
        term="term",
        estimate="estimate",
        standard_error="standard_error",
        standard_error_clustered="standard_error_clustered",
        released="sample",
        match=pl.Series(match, dtype=pl.String),
        article="article",
    ).select(*SAMPLE_REGRESSIONS.columns)


def _terms(regression: Regression) -> pl.DataFrame:
    """The terms of a fit, their estimates and errors, and a plain one's log-likelihood; no row if it has none."""
    errors = ["standard_error", "standard_error_clustered"]
    table = coefficient_table(regression).select("term", pl.col("coefficient").alias("estimate"), *errors)
    if regression.state != FITTED:
        return table.drop_nulls("estimate")
    log_odds = regression.design() @ regression.coefficients
    incorrect, answers = (regression.patterns[name].to_numpy() for name in ("incorrect", "answers"))
    likelihood = float(np.sum(incorrect * log_odds - answers * np.logaddexp(0, log_odds)))
    last = pl.DataFrame([{"term": LOG_LIKELIHOOD, "estimate": likelihood}])
    return rounded(pl.concat([table, last], how="diagonal"))


def _same(estimate: float, printed: str) -> str:
    return "yes" if rounded_like(estimate, printed) == printed else "no"
