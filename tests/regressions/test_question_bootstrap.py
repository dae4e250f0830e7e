"""The bootstrap over questions is that of fitting again to the answers to questions drawn anew."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from observed import observations, paired

from warmline.regressions import question_bootstrap
from warmline.regressions.logistic import Regression, fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.regressions.question_bootstrap import _draws, _questions

TASKS = ["medqa", "trivia"]
FORMULA = "incorrect ~ treated + C(task) + C(context)"


def answers(questions: int = 40) -> pl.DataFrame:
    """Rows in which a question's answers are alike, and a third of the questions are harmed by treatment."""
    generator = np.random.default_rng(5)
    columns: dict[str, list[str]] = {name: [] for name in ("arm", "task", "context", "item", "verdict")}
    for number in range(questions):
        difficulty = generator.uniform(0.1, 0.8)
        for arm in ("original", "warm@2"):
            for context in ("unmodified", "sad", "happy"):
                wrong = generator.random() < difficulty + 0.2 * (arm == "warm@2" and number % 3 == 0)
                values = (arm, TASKS[number % 4 == 0], context, str(number), "incorrect" if wrong else "correct")
                for name, value in zip(columns, values, strict=True):
                    columns[name].append(value)
    return rows_of(observations(**columns, context_group="any"))


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    return regression_rows(frame, "warm@2", ["none"], task_order=TASKS, model_order=["a"])


def effect(regression: Regression) -> float:
    return float(marginal_effects(regression)["effect"][0])


def test_a_draws_effect_is_that_of_the_answers_to_the_questions_drawn() -> None:
    rows = answers()
    regression = fit(rows, FORMULA)
    _, tasks = _questions(regression)
    drawn = _draws(tuple(tasks.tolist()), 3, 5).T
    effects = question_bootstrap.effects(regression, seed=3, draws=5)
    ids = np.sort(rows["question"].unique().to_numpy())
    for times, found in zip(drawn, effects, strict=True):
        copies = [rows.filter(question=question) for question, n in zip(ids, times, strict=True) for _ in range(n)]
        assert found == pytest.approx(effect(fit(pl.concat(copies), FORMULA)), abs=1e-8)


def test_a_draw_has_as_many_questions_of_each_task_as_there_are() -> None:
    tasks = np.array([0, 1, 1, 0, 1])
    drawn = _draws(tuple(tasks.tolist()), 1, 50).T
    assert (drawn[:, tasks == 0].sum(axis=1) == 2).all()
    assert (drawn[:, tasks == 1].sum(axis=1) == 3).all()
    assert drawn.max() == 3


def test_the_interval_is_about_as_wide_as_the_clustered_one() -> None:
    regression = fit(answers(120), FORMULA)
    clustered = marginal_effects(regression).row(0, named=True)
    effects = question_bootstrap.effects(regression, seed=1, draws=400)
    assert effects.std() == pytest.approx(clustered["standard_error_clustered"], rel=0.15)
    lower, upper = question_bootstrap.interval(effects)
    assert (np.mean(effects < lower), np.mean(effects > upper)) == pytest.approx((0.025, 0.025), abs=0.003)


def test_a_seed_gives_the_same_draws_and_another_gives_others() -> None:
    regression = fit(answers(), FORMULA)
    once, again, other = (question_bootstrap.effects(regression, seed, draws=20) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).mean() > 0.5


def test_a_draw_is_the_same_with_whichever_others_it_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    regression = fit(answers(), FORMULA)
    together = question_bootstrap.effects(regression, seed=1, draws=20)
    monkeypatch.setattr(question_bootstrap, "NUMBERS_AT_ONCE", 7 * regression.design().size)
    assert question_bootstrap.effects(regression, seed=1, draws=20) == pytest.approx(together, abs=1e-12)


def test_a_draw_without_the_answers_that_tell_terms_apart_is_not_fitted() -> None:
    # One question alone was asked in the sad context: whoever draws none of it cannot estimate that.
    sad = paired(0, 1, 0, 0, context="sad").with_columns(item=pl.lit("9999"))
    more = paired(0, 0, 1, 0, context="sad").with_columns(item=pl.lit("9999"))
    rows = rows_of(pl.concat([paired(5, 4, 2, 5), sad, more]))
    regression = fit(rows, "incorrect ~ treated + C(context)")
    effects = question_bootstrap.effects(regression, seed=1, draws=60)
    _, tasks = _questions(regression)
    without = _draws(tuple(tasks.tolist()), 1, 60)[-1] == 0
    assert 0 < without.sum() < 60
    assert (np.isnan(effects) == without).all()


def test_separated_draws_have_their_limit() -> None:
    # The only errors are of the treated arm in two questions of eight; many draws take neither of them.
    rows = rows_of(pl.concat([paired(6, 2, 0, 1)]))
    effects = question_bootstrap.effects(fit(rows, "incorrect ~ treated"), seed=2, draws=200)
    assert not np.isnan(effects).any()
    assert set(np.round(effects * 9 / 100, 4)) <= set(range(10))
