"""Where answers are separated, Firth's estimates are the highest point of the penalised likelihood, and are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import patsy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import answered, observations, paired
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import t

from warmline.regressions import penalised
from warmline.regressions.logistic import Regression, coefficient_table, fit, regression_rows
from warmline.regressions.marginal_effects import joint_test, marginal_effects
from warmline.tables.regression_results import PENALISED

Array = np.ndarray[Any, np.dtype[np.float64]]


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    beliefs = ["none", "asserts_wrong"]
    return regression_rows(frame, "warm@2", beliefs, task_order=["trivia", "medqa"], model_order=["a", "b"])


def penalised_likelihood(coefficients: Array, design: Array, wrong: Array) -> float:
    log_odds = design @ coefficients
    variance = expit(log_odds) * expit(-log_odds)
    information = design.T @ (variance[:, np.newaxis] * design)
    return float(np.sum(wrong * log_odds - np.logaddexp(0, log_odds)) + np.linalg.slogdet(information)[1] / 2)


def study(generator: np.random.Generator, questions: int = 12) -> pl.DataFrame:
    """Two tasks and three contexts; nobody errs on one of the tasks in one of them."""
    cells = [
        (arm, task, context, str(item))
        for arm in ("original", "warm@2")
        for task in ("trivia", "medqa")
        for context in ("unmodified", "happy", "sad")
        for item in range(questions)
    ]
    arms, tasks, contexts, items = (np.array(column) for column in zip(*cells, strict=True))
    wrong = generator.random(len(cells)) < 0.2 + 0.2 * (arms == "warm@2")
    wrong &= (tasks == "medqa") & (contexts != "sad")
    verdicts = np.where(wrong, "incorrect", "correct")
    return observations(arm=arms, task=tasks, context=contexts, context_group=contexts, item=items, verdict=verdicts)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("right", ["treated * C(context) + C(task)", "treated + C(task) + C(context)"])
def test_the_estimates_are_the_highest_point_of_the_penalised_likelihood(right: str, seed: int) -> None:
    rows = rows_of(study(np.random.default_rng(seed)))
    regression = fit(rows, f"incorrect ~ {right}")
    assert regression.state == PENALISED
    data = rows.to_pandas()
    design = np.asarray(patsy.dmatrix(right, data))
    wrong = data["incorrect"].to_numpy().astype(float)
    highest = minimize(
        lambda coefficients: -penalised_likelihood(coefficients, design, wrong), np.zeros(design.shape[1]), tol=1e-9
    )
    assert regression.coefficients == pytest.approx(highest.x, abs=2e-4)
    assert penalised_likelihood(regression.coefficients, design, wrong) >= -highest.fun - 1e-9
    log_odds = design @ regression.coefficients
    variance = expit(log_odds) * expit(-log_odds)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ (variance[:, np.newaxis] * design))))
    table = coefficient_table(regression)
    assert set(table["state"]) == {PENALISED}
    assert table["standard_error"].to_numpy() == pytest.approx(errors, rel=1e-6)
    effect = marginal_effects(regression).row(0, named=True)
    treated, untreated = (np.asarray(patsy.dmatrix(right, data.assign(treated=arm))) for arm in (1, 0))
    expected = expit(treated @ regression.coefficients) - expit(untreated @ regression.coefficients)
    assert effect["effect"] == pytest.approx(100 * expected.mean(), rel=1e-8)


cells = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(any), min_size=4, max_size=4)


@given(cells)
def test_a_saturated_fit_adds_half_an_answer_of_each_kind_to_each_cell(counts: list[tuple[int, int]]) -> None:
    """Its closed form (Haldane 1956; Anscombe 1956)."""
    design = np.array([[1, arm, context, arm * context] for arm in (0, 1) for context in (0, 1)], dtype=float)
    incorrect, answers = (
        np.array(column, dtype=float) for column in zip(*((w, w + r) for w, r in counts), strict=True)
    )
    found = penalised.coefficients(design, incorrect, answers)
    assert found is not None
    assert expit(design @ found) == pytest.approx((incorrect + 0.5) / (answers + 1), abs=1e-8)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_every_design_of_full_rank_has_estimates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows, terms = 30, int(generator.integers(1, 9))
    design = np.column_stack([np.ones(rows), generator.random((rows, terms)) < 0.4]).astype(float)
    # Characters of a response, beside columns of 0 and 1.
    design[:, -1] = generator.normal(800, 300, rows)
    answers = generator.integers(1, 10, rows).astype(float)
    incorrect = np.where(design[:, -1] > 800, answers, 0.0)
    if np.linalg.matrix_rank(design) == terms + 1:
        found = penalised.coefficients(design, incorrect, answers)
        assert found is not None and np.isfinite(found).all()


def effects(regression: Regression, by: str | None = None) -> pl.DataFrame:
    assert regression.state == PENALISED
    return marginal_effects(regression, by)


def test_a_cell_that_both_arms_answered_alike_is_not_taken_for_certain() -> None:
    """All right in the sad context: residuals there say next to nothing of what other questions would have shown."""
    frame = pl.concat([paired(12, 4, 2, 6), paired(24, 0, 0, 0, context="sad")])
    table = effects(fit(rows_of(frame), "incorrect ~ treated * C(context)"), "context")
    assert (table["standard_error_clustered"] >= table["standard_error"] * (1 - 1e-9)).all()
    sad = table.row(by_predicate=(pl.col("subset") == "sad") & pl.col("contrast").is_null(), named=True)
    share = 0.5 / 25
    assert sad["effect"] == pytest.approx(0, abs=1e-9)
    assert sad["upper_clustered"] >= 100 * t(23).ppf(0.975) * (2 * share * (1 - share) / 24) ** 0.5 * (1 - 1e-9)


def test_a_clustered_error_that_is_the_larger_one_stays() -> None:
    """Many contexts, in which each question is answered alike: the model takes its answers for independent."""
    contexts = ["unmodified", *(f"c{number}" for number in range(7))]
    frame = pl.concat(
        [paired(6, 5, 1, 4, context=context) for context in contexts] + [paired(9, 0, 0, 0, task="medqa")]
    )
    row = effects(fit(rows_of(frame), "incorrect ~ treated + C(task)")).row(0, named=True)
    assert row["standard_error_clustered"] > 1.2 * row["standard_error"]


def test_joint_tests_of_a_penalised_fit_bear_its_name() -> None:
    table = joint_test(fit(rows_of(study(np.random.default_rng(1))), "incorrect ~ treated * C(context)"), "context")
    assert table["state"].to_list() == [PENALISED] * 2
    assert table["p_value"].is_between(0, 1).all()
    few = rows_of(paired(5, 5, 0, 0).filter(pl.col("item") < "0009"))
    assert joint_test(fit(few, "incorrect ~ treated"), "context")["state"].to_list() == ["one level"] * 2


def test_what_is_not_separated_is_fitted_plainly() -> None:
    frame = pl.concat([answered("original", ["correct", "incorrect"] * 9), answered("warm@2", ["incorrect"] * 18)])
    assert fit(rows_of(frame), "incorrect ~ treated").state == PENALISED
    one_right = frame.with_columns(
        verdict=pl.when(pl.int_range(pl.len()) < 35).then("verdict").otherwise(pl.lit("correct"))
    )
    assert fit(rows_of(one_right), "incorrect ~ treated").state == "fitted"
