"""The exchangeable fit is that of statsmodels on single answers, and its effect that of its coefficients."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from observed import observations

from warmline.regressions.estimating_equations import exchangeable
from warmline.regressions.logistic import fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects

FORMULA = "incorrect ~ treated + C(context)"


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    return regression_rows(frame, "warm@2", ["none"], task_order=["trivia"], model_order=["a"])


def unbalanced() -> pl.DataFrame:
    """Questions of different difficulty, each answered a different number of times."""
    generator = np.random.default_rng(11)
    size = 600
    items = np.minimum(generator.geometric(0.05, size), 40)
    arms = generator.choice(["original", "warm@2"], size)
    wrong = generator.random(size) < 0.2 + 0.5 * (items % 3 == 0) + 0.15 * (arms == "warm@2")
    return rows_of(
        observations(
            arm=arms,
            context=generator.choice(["unmodified", "sad"], size),
            item=items.astype(str),
            verdict=np.where(wrong, "incorrect", "correct"),
        )
    )


def test_it_is_the_fit_of_single_answers() -> None:
    rows = unbalanced()
    data = rows.to_pandas()
    plain = fit(rows, FORMULA)
    expected = smf.gee(
        FORMULA, "question", data, family=sm.families.Binomial(), cov_struct=sm.cov_struct.Exchangeable()
    ).fit(start_params=plain.coefficients)
    regression = exchangeable(plain)
    assert regression.state == "fitted"
    assert regression.coefficients == pytest.approx(expected.params.to_numpy(), rel=1e-10)
    assert regression.covariance_clustered == pytest.approx(expected.cov_robust, rel=1e-8)
    assert regression.covariance == pytest.approx(expected.cov_naive, rel=1e-8)
    treated = plain.terms.index("treated")
    assert abs(regression.coefficients[treated] - plain.coefficients[treated]) > 0.01

    row = marginal_effects(regression).row(0, named=True)
    treated_rows, untreated = (expected.predict(data.assign(treated=arm)) for arm in (1, 0))
    assert row["effect"] == pytest.approx(100 * float((treated_rows - untreated).mean()), rel=1e-8)
