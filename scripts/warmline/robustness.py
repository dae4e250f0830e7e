"""Robustness: the treatment's effect over all rows of a regression, estimated in other ways and from fewer answers.

A result that hangs on one choice of the analysis, on one model or on one task shows it here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from warmline import arm_names, question_bootstrap
from warmline.estimating_equations import exchangeable
from warmline.marginal_effects import marginal_effects
from warmline.observations import OBSERVATIONS
from warmline.refusal_treatments import AS_PUBLISHED, treat
from warmline.regressions import FITTED, Regression, fit, regression_rows, rounded

ALL = "all"
ENDED = "ended by themselves in both arms"
CUT = "cut in either arm"
REFUSALS = "refusals as published"
CLUSTERED = "clustered by question"
FROM_MODEL = "from the model"
BOOTSTRAP = "bootstrap over questions"
EXCHANGEABLE = "correlated within questions"
SCHEMA = {
    "regression": pl.String,
    "arm": pl.String,
    "answers": pl.String,
    "errors": pl.String,
    "state": pl.String,
    "rows": pl.Int64,
    "clusters": pl.Int64,
    "effect": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
}


def robustness(
    observations: pl.DataFrame,
    treated_arms: Sequence[str],
    regressions: Mapping[str, Mapping[str, Any]],
    *,
    task_order: Sequence[str],
    model_order: Sequence[str],
    disinformation: Collection[str],
    seed: int,
) -> pl.DataFrame:
    """The effect of each treated arm in each regression by every analysis, in the order given.

    `regressions` has by id the `formula`, the `beliefs` and, unless all, the `contexts` of the rows. Columns:

    - `regression`, `arm`
    - `answers`: which ones; `all`, `without model ...`, `without task ...`, `refusals as published` (the article's
      treatment, see `refusal_treatments`), or those to prompts that both arms answered to the end (`ended by themselves
      in both arms`) and the others (`cut in either arm`): length is an outcome of treatment, so that these two describe
      and say nothing of causes
    - `errors`: where the interval comes from. `clustered by question` and `from the model`, as in `marginal_effects`;
      `bootstrap over questions`, percentiles (`question_bootstrap`); `correlated within questions`, which changes the
      estimate too (`estimating_equations`)
    - `state`: `fitted`; else why the regression could not be, or `too few questions` (no more than coefficients), `no
      error` (both arms answered every question alike) or `... of ... draws not fitted`, which leave no interval
    - `rows`, `clusters`: scored answers, and different questions
    - `effect`, `lower`, `upper`: average marginal effect in percentage points of error, with its 95 % interval
    """
    rows = [
        (name, arm, *row)
        for name, regression in regressions.items()
        for arm in treated_arms
        for row in _analyses(
            observations.filter(pl.col("arm").is_in([arm_names.ORIGINAL, arm])),
            arm,
            regression,
            (task_order, model_order),
            disinformation,
            seed,
        )
    ]
    return rounded(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


Estimate = tuple[str, str, str, int, int, float | None, float | None, float | None]


def _analyses(
    observations: pl.DataFrame,
    arm: str,
    regression: Mapping[str, Any],
    orders: tuple[Sequence[str], Sequence[str]],
    disinformation: Collection[str],
    seed: int,
) -> Iterator[Estimate]:
    def fitted(answers: pl.DataFrame) -> Regression:
        rows = regression_rows(
            *(answers, arm, regression["beliefs"], regression.get("contexts")),
            **dict(zip(("task_order", "model_order"), orders, strict=True)),
        )
        return fit(rows, regression["formula"])

    main = fitted(observations)
    clustered = _estimate(ALL, CLUSTERED, main)
    yield clustered
    yield _estimate(ALL, FROM_MODEL, main, "")
    yield _bootstrapped(main, clustered, seed)
    yield _estimate(ALL, EXCHANGEABLE, exchangeable(main) if main.state == FITTED else main)
    yield _estimate(REFUSALS, CLUSTERED, fitted(treat(observations, AS_PUBLISHED, disinformation)))
    prompt = [name for name in OBSERVATIONS.key if name != "arm"]
    cut = (pl.col("finish_reason") == "length").any().over(prompt)
    yield _estimate(ENDED, CLUSTERED, fitted(observations.filter(~cut)))
    yield _estimate(CUT, CLUSTERED, fitted(observations.filter(cut)))
    for factor in ("model", "task"):
        levels = main.patterns[factor].unique().sort().cast(pl.String).to_list()
        for level in levels if len(levels) > 1 else []:
            others = observations.filter(pl.col(factor) != level)
            yield _estimate(f"without {factor} {level}", CLUSTERED, fitted(others))


def _estimate(answers: str, errors: str, regression: Regression, suffix: str = "_clustered") -> Estimate:
    row = marginal_effects(regression).row(0, named=True)
    lower, upper = row[f"lower{suffix}"], row[f"upper{suffix}"]
    state = regression.state
    if state == FITTED and lower is None:
        state = "too few questions" if np.isnan(regression.covariance_clustered).any() else "no error"
    return answers, errors, state, row["rows"], row["clusters"], row["effect"], lower, upper


def _bootstrapped(regression: Regression, clustered: Estimate, seed: int) -> Estimate:
    """The interval of the bootstrap, where the questions allow for one that is clustered."""
    answers, _, state, rows, clusters, effect, _, _ = clustered
    lower = upper = None
    if state == FITTED:
        drawn = question_bootstrap.effects(regression, seed)
        if missing := int(np.isnan(drawn).sum()):
            state = f"{missing} of {len(drawn)} draws not fitted"
        else:
            lower, upper = question_bootstrap.interval(drawn)
    return answers, BOOTSTRAP, state, rows, clusters, effect, lower, upper
