"""Logistic regressions of errors on treatment (article, Methods and Supplementary Tables 11 to 18).

The outcome is 1 where the answer is incorrect. Standard errors come twice: from the model alone, as in the article,
and clustered by question (a task's item), because one question is answered many times: by both arms, every model and
under every context and belief.

Answers with the same covariates are counted and fitted together: the likelihood, and with it every estimate, is that of
the single answers, for a few hundred rows instead of hundreds of thousands. A formula with the length of the response
has about as many rows as answers.

A regression that cannot be estimated is a result too: its state says why, and its numbers are null. Where the answers
are separated the numbers are those of Firth's penalised likelihood (`penalised`), and the state says that.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import patsy
import polars as pl
import statsmodels.api as sm
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.special import expit
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from warmline.lineage.errors import UserError
from warmline.regressions import penalised
from warmline.statistics.wald import two_sided_p_value
from warmline.tables.csv_tables import rounded
from warmline.tables.regression_results import FITTED, PENALISED, SEPARATION

OUTCOME = "incorrect"
COVARIATES = ("treated", "task", "model", "context", "context_group", "belief", "response_length")

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Regression:
    """A logistic regression: its counted answers and state, and its k coefficients if it could be estimated.

    `patterns` has a row for each combination of the covariates that occurs, with how many `answers` it stands for and
    how many of them are `incorrect`; `cells` has the same two counts of each `question` in each `pattern` (its row
    there). The two covariance matrices are k x k; the clustered one is NaN unless there are more questions than
    coefficients, for otherwise it is singular and some errors would come out as 0.
    """

    patterns: pl.DataFrame
    cells: pl.DataFrame
    state: str
    information: Any = None
    coefficients: Array = dataclasses.field(default_factory=lambda: np.empty(0))
    covariance: Array = dataclasses.field(default_factory=lambda: np.empty((0, 0)))
    covariance_clustered: Array = dataclasses.field(default_factory=lambda: np.empty((0, 0)))

    @property
    def estimated(self) -> bool:
        """Whether there are coefficients: the state is `fitted`, or PENALISED."""
        return len(self.coefficients) > 0

    @property
    def terms(self) -> list[str]:
        return list(self.information.column_names)

    @functools.cached_property
    def _covariates(self) -> dict[str, Any]:
        return _data(self.patterns)

    def design(self, treated: int | None = None) -> Array:
        """The design matrix (patterns x k), with treatment as it was or as if all were treated (1) or none (0)."""
        data = self._covariates
        if treated is not None:
            data = data | {"treated": np.full(self.patterns.height, treated)}
        return np.asarray(patsy.build_design_matrices([self.information], data, NA_action="raise")[0])


def compared(
    observations: pl.DataFrame, arm: str, beliefs: Sequence[str], contexts: Sequence[str] | None = None
) -> pl.DataFrame:
    """The answers of one treated arm and of `original` under some beliefs and, unless all, some contexts."""
    return observations.filter(
        pl.col("arm").is_in(["original", arm]),
        pl.col("belief").is_in(list(beliefs)),
        pl.col("context").is_in(list(contexts)) if contexts else pl.lit(True),
    )


def regression_rows(
    observations: pl.DataFrame,
    arm: str,
    beliefs: Sequence[str],
    contexts: Sequence[str] | None = None,
    *,
    task_order: Sequence[str],
    model_order: Sequence[str],
) -> pl.DataFrame:
    """The scored answers of one treated arm and of `original`, with the columns that formulas may name.

    `incorrect`, `treated` and `belief` (any belief stated) are 0 or 1; `response_length` counts characters; `task`,
    `model`, `context` and `context_group` are factors whose first level is the reference: the first of the order
    given, or `unmodified`. `question` identifies a task's item. Models without scored answers of both arms are left
    out, because they say nothing about the treatment.

    Raises UserError if an observation's task or model is in no order given.
    """
    both_arms = pl.col("arm").n_unique().over("model") == 2
    scored = compared(observations, arm, beliefs, contexts).filter(pl.col("verdict") != "unscored")
    rows = scored.filter(both_arms)
    return rows.select(
        incorrect=(pl.col("verdict") == "incorrect").cast(pl.Int8),
        treated=(pl.col("arm") == arm).cast(pl.Int8),
        task=pl.col("task").cast(_levels(rows["task"], task_order)),
        model=pl.col("model").cast(_levels(rows["model"], model_order)),
        context=pl.col("context").cast(_levels(rows["context"])),
        context_group=pl.col("context_group").cast(_levels(rows["context_group"])),
        belief=(pl.col("belief") != "none").cast(pl.Int8),
        response_length=pl.col("response_length"),
        question=pl.struct("task", "item").rank("dense"),
    )


def _levels(column: pl.Series, order: Sequence[str] | None = None) -> pl.Enum:
    """The levels that occur, in the order given or else sorted with `unmodified` first."""
    found = sorted(column.unique(), key=lambda level: (level != "unmodified", level))
    if order is None:
        return pl.Enum(found)
    unknown = [level for level in found if level not in order]
    if unknown:
        raise UserError(
            f"observations: the {column.name} {unknown[0]!r} is not among {list(order)}. "
            f"Add it to --{column.name}-order."
        )
    return pl.Enum([level for level in order if level in found])


def parse_formula(formula: str) -> patsy.ModelDesc:
    """Parse a formula without running it, and refuse all but sums, products and powers of the documented columns.

    A formula is Python code to the formula library, which would run whatever a term holds. Raises UserError that
    names the offending part.
    """
    remedy = f"Expected '{OUTCOME} ~ treated' and further terms of {', '.join(COVARIATES)}, or C(column)."
    try:
        parsed = patsy.ModelDesc.from_formula(formula)
    except patsy.PatsyError as error:
        raise UserError(f"formula {formula!r}: {error.message}. {remedy}") from error
    if [factor.code for term in parsed.lhs_termlist for factor in term.factors] != [OUTCOME]:
        raise UserError(f"formula {formula!r}: its left side is not {OUTCOME}. {remedy}")
    columns = {factor.code: _column(factor) for term in parsed.rhs_termlist for factor in term.factors}
    for code, column in columns.items():
        if column not in COVARIATES:
            raise UserError(f"formula {formula!r}: {code!r} is not allowed. {remedy}")
    if "treated" not in columns.values():
        raise UserError(f"formula {formula!r}: the term treated is missing. {remedy}")
    return parsed


def _column(factor: patsy.EvalFactor) -> str:
    """The column that a factor of a formula names, bare or as C(column); empty for any other expression."""
    try:
        node = ast.parse(factor.code, mode="eval").body
    except SyntaxError:
        return ""
    match node:
        case ast.Name(id=name) | ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name)], keywords=[]):
            return str(name)
    return ""


def fit(rows: pl.DataFrame, formula: str) -> Regression:
    """Fit a logistic regression by iteratively reweighted least squares.

    A covariate with a single value in the rows drops out, and its interactions with it. States other than `fitted`:
    `no rows`, `one outcome only`, `one arm only`, `singular design` (a term is a combination of others), PENALISED (a
    combination of terms tells right from wrong, so that a coefficient of the plain fit is infinite; the estimates are
    Firth's), SEPARATION (the same, and Firth's were not found) and `not converged`.

    The clustered covariance has the usual correction G / (G - 1) x (N - 1) / (N - k) for G questions and N rows. That
    of a penalised fit is nowhere below the model's own, for where all answers are alike their residuals tell nothing of
    what others would have been (the larger of the two errors: Angrist and Pischke 2009, "Mostly Harmless Econometrics",
    section 8.1).
    Raises UserError if the formula is not one that `parse_formula` allows.
    """
    parsed = parse_formula(formula)
    named = {_column(factor) for term in parsed.rhs_termlist for factor in term.factors}
    patterns, cells = _counted(rows, named)
    if rows.is_empty():
        return Regression(patterns, cells, "no rows")
    if rows[OUTCOME].n_unique() == 1:
        return Regression(patterns, cells, "one outcome only")
    if rows["treated"].n_unique() == 1:
        return Regression(patterns, cells, "one arm only")
    varying = [
        term for term in parsed.rhs_termlist if all(patterns[_column(factor)].n_unique() > 1 for factor in term.factors)
    ]
    matrix = patsy.dmatrix(patsy.ModelDesc([], varying), _data(patterns), NA_action="raise")
    design = np.asarray(matrix)
    incorrect, answers = patterns[OUTCOME].to_numpy(), patterns["answers"].to_numpy()
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return Regression(patterns, cells, "singular design")
    if separated(design, incorrect, answers):
        found = penalised.coefficients(design, incorrect, answers)
        if found is None:
            return Regression(patterns, cells, SEPARATION)
        variance = answers * expit(design @ found) * expit(-design @ found)
        covariance = np.linalg.inv(design.T @ (variance[:, np.newaxis] * design))
        clustered = _at_least(covariance, _clustered(covariance, cells, design, design @ found))
        return Regression(patterns, cells, PENALISED, matrix.design_info, found, covariance, clustered)
    counts = np.column_stack([incorrect, answers - incorrect])
    # By default the last coefficients are off by up to 1e-6, and by another 1e-6 in another grouping of the answers.
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # As many coefficients as patterns fit their counts exactly, which is no separation: that was looked for above.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        results = sm.GLM(counts, design, family=sm.families.Binomial()).fit(tol=1e-12)
    if not results.converged:
        return Regression(patterns, cells, "not converged")
    # The results' own covariance is that of the last iteration but one, off by up to 1e-5.
    covariance = np.linalg.inv(-results.model.hessian(results.params))
    clustered = _clustered(covariance, cells, design, design @ results.params)
    return Regression(patterns, cells, FITTED, matrix.design_info, results.params, covariance, clustered)


def _counted(rows: pl.DataFrame, named: set[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The patterns and cells of the rows, sorted. Lengths tell patterns apart only where the formula names them."""
    keys = [name for name in COVARIATES if name != "response_length" or name in named]
    counts = {"answers": pl.len().cast(pl.Int64), OUTCOME: pl.col(OUTCOME).cast(pl.Int64).sum()}
    patterns = rows.group_by(keys).agg(**counts).sort(keys).with_row_index("pattern")
    cells = rows.group_by(*keys, "question").agg(**counts).join(patterns.select("pattern", *keys), on=keys)
    return patterns.drop("pattern"), cells.select("question", "pattern", *counts).sort("question", "pattern")


def _clustered(covariance: Array, cells: pl.DataFrame, design: Array, log_odds: Array) -> Array:
    """The sandwich covariance clustered by question (Cameron and Miller 2015, "A practitioner's guide to cluster-robust
    inference", section II.C), NaN where questions are too few."""
    questions, k = cells["question"].n_unique(), design.shape[1]
    if questions <= k:
        return np.full_like(covariance, np.nan)
    pattern = cells["pattern"].to_numpy()
    residuals = cells[OUTCOME].to_numpy() - cells["answers"].to_numpy() * expit(log_odds)[pattern]
    question = cells["question"].rank("dense").to_numpy() - 1
    # A question's score: the sum over its answers of residual times covariates.
    scores = csr_array((residuals, (question, pattern)), shape=(questions, len(design))) @ design
    answers = int(cells["answers"].sum())
    correction = questions / (questions - 1) * (answers - 1) / (answers - k)
    return np.asarray(correction * covariance @ (scores.T @ scores) @ covariance)


def _at_least(least: Array, covariance: Array) -> Array:
    """The covariance, raised where a combination of coefficients has less variance by it than by the least one."""
    if np.isnan(covariance).any():
        return covariance
    root = np.linalg.cholesky(least)
    inverse = np.linalg.inv(root)
    ratios, combinations = np.linalg.eigh(inverse @ covariance @ inverse.T)
    return np.asarray(root @ (combinations * np.maximum(ratios, 1)) @ combinations.T @ root.T)


def _data(patterns: pl.DataFrame) -> dict[str, Any]:
    """The covariates as patsy takes them: numbers as arrays, factors with their levels in order.

    The levels are plain objects, for patsy takes them out one by one, and pandas' own strings are slow at that.
    """
    return {
        name: pd.Categorical.from_codes(
            patterns[name].to_physical().to_numpy(), pd.Index(list(dtype.categories), dtype=object)
        )
        if isinstance(dtype, pl.Enum)
        else patterns[name].to_numpy()
        for name, dtype in patterns.schema.items()
        if name in COVARIATES
    }


def separated(design: Array, incorrect: Array, answers: Array) -> bool:
    """Whether counts of incorrect among all answers, by rows of the design, are separated, wholly or in part.

    Then no finite maximum of the likelihood exists.

    By linear programming (Konis 2007, "Linear programming algorithms for detecting separated data in binary logistic
    regression models"): they are if some combination of the columns is nowhere negative for the incorrect answers,
    nowhere positive for the correct ones, and not zero throughout.
    """
    scaled = design / np.abs(design).max(axis=0)
    signed = np.unique(np.concatenate([scaled[incorrect > 0], -scaled[incorrect < answers]]), axis=0)
    best = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1), method="highs")
    # Where the data overlap this is zero but for the solver's tolerance of 1e-7.
    return bool((signed @ best.x).max() > 1e-5)


def standard_errors(regression: Regression, gradients: Array) -> tuple[Array, Array]:
    """By the delta method, sqrt(g' V g) for each row g of `gradients` (any x k): from the model, and clustered.

    A clustered error that is zero but for rounding is NaN: both arms answered every question alike, and their
    agreement, however small the sample, would seem certain.
    """
    from_model, clustered = (
        np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gradients, covariance, gradients), 0))
        for covariance in (regression.covariance, regression.covariance_clustered)
    )
    return from_model, np.where(clustered > 1e-6 * from_model, clustered, np.nan)


def coefficient_table(regression: Regression) -> pl.DataFrame:
    """One row per coefficient, in log-odds of an incorrect answer, in the order of the formula.

    The table is COEFFICIENTS. If nothing was estimated, it has one row for the term `treated` with nulls.
    """
    if regression.estimated:
        terms, coefficients = regression.terms, regression.coefficients
        standard_error, clustered = standard_errors(regression, np.eye(len(terms)))
    else:
        terms, coefficients = ["treated"], np.full(1, np.nan)
        standard_error = clustered = coefficients
    questions = regression.cells["question"].n_unique()
    return rounded(
        pl.DataFrame(
            {
                "state": [regression.state] * len(terms),
                "term": terms,
                "coefficient": coefficients,
                "standard_error": standard_error,
                "z": coefficients / standard_error,
                "p_value": two_sided_p_value(coefficients / standard_error),
                "standard_error_clustered": clustered,
                "p_value_clustered": two_sided_p_value(coefficients / clustered, questions),
            }
        )
    )
