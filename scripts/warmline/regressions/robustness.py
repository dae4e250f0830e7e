"""Robustness: the treatment's effect over all rows of a regression, estimated in other ways and from fewer answers.

A result that hangs on one choice of the analysis, on one model or on one task shows it here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from warmline.design.variants import AS_PUBLISHED
from warmline.regressions import question_bootstrap
from warmline.regressions.estimating_equations import exchangeable
from warmline.regressions.logistic import Regression, compared, fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.statistics.refusal_treatments import with_refusals
from warmline.tables.csv_tables import rounded
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.regression_results import FITTED, PENALISED, ROBUSTNESS, SEPARATION

ALL = "all"
ENDED = "ended by themselves in both arms"
CUT = "cut in either arm"
REFUSALS = "refusals as published"
CLUSTERED = "clustered by question"
FROM_MODEL = "from the model"
BOOTSTRAP = "bootstrap over questions"
EXCHANGEABLE = "correlated within questions"
DRAWS = 2000
"""Of the bootstrap."""


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

    `regressions` has by id the `formula`, the `beliefs` and, unless all, the `contexts` of the rows. The table is
    ROBUSTNESS. Its intervals are as in `marginal_effects`, the percentiles of `question_bootstrap`, or those of
    `estimating_equations`. Length is an outcome of treatment, so that the rows about prompts that both arms answered to
    the end (`ended by themselves in both arms`), and about the others, describe and say nothing of causes.
    """
    table: list[tuple[str | int | float | None, ...]] = []
    for name, regression in regressions.items():
        for arm in treated_arms:
            fitted = functools.partial(_fitted, regression, arm, task_order, model_order)
            answers = compared(observations, arm, regression["beliefs"], regression.get("contexts"))
            table += [(name, arm, *row) for row in _analyses(answers, fitted, disinformation, seed)]
    return rounded(pl.DataFrame(table, schema=ROBUSTNESS.schema, orient="row"))


def _fitted(
    regression: Mapping[str, Any],
    arm: str,
    task_order: Sequence[str],
    model_order: Sequence[str],
    observations: pl.DataFrame,
) -> Regression:
    beliefs, contexts = regression["beliefs"], regression.get("contexts")
    rows = regression_rows(observations, arm, beliefs, contexts, task_order=task_order, model_order=model_order)
    return fit(rows, regression["formula"])


class Estimate(NamedTuple):
    """One analysis: the columns of the table from `subset` on."""

    subset: str
    errors: str
    state: str
    rows: int
    clusters: int
    effect: float | None
    lower: float | None
    upper: float | None


def _analyses(
    observations: pl.DataFrame,
    fitted: Callable[[pl.DataFrame], Regression],
    disinformation: Collection[str],
    seed: int,
) -> Iterator[Estimate]:
    main = fitted(observations)
    clustered = _estimate(ALL, CLUSTERED, main)
    yield clustered
    yield _estimate(ALL, FROM_MODEL, main, "")
    if clustered.state == FITTED:
        yield _bootstrapped(main, clustered, seed)
        yield _estimate(ALL, EXCHANGEABLE, exchangeable(main))
    else:
        # Where no clustered error can be had, neither of these has one; and neither has a penalised form.
        lacking = clustered._replace(state=SEPARATION, effect=None, lower=None, upper=None)
        lacking = lacking if main.state == PENALISED else clustered
        yield from (lacking._replace(errors=errors) for errors in (BOOTSTRAP, EXCHANGEABLE))
    yield _estimate(REFUSALS, CLUSTERED, fitted(with_refusals(observations, AS_PUBLISHED, disinformation)))
    prompt = [name for name in OBSERVATIONS.key if name != "arm"]
    cut = (pl.col("finish_reason") == "length").any().over(prompt)
    yield _estimate(ENDED, CLUSTERED, fitted(observations.filter(~cut)))
    yield _estimate(CUT, CLUSTERED, fitted(observations.filter(cut)))
    for factor in ("model", "task"):
        levels = main.patterns[factor].unique().sort().cast(pl.String).to_list()
        for level in levels if len(levels) > 1 else []:
            others = observations.filter(pl.col(factor) != level)
            yield _estimate(f"without {factor} {level}", CLUSTERED, fitted(others))


def _estimate(subset: str, errors: str, regression: Regression, suffix: str = "_clustered") -> Estimate:
    row = marginal_effects(regression).row(0, named=True)
    lower, upper = row[f"lower{suffix}"], row[f"upper{suffix}"]
    state = regression.state
    if state == FITTED and lower is None:
        state = "too few questions" if np.isnan(regression.covariance_clustered).any() else "no variation"
    return Estimate(subset, errors, state, row["rows"], row["clusters"], row["effect"], lower, upper)


def _bootstrapped(regression: Regression, clustered: Estimate, seed: int) -> Estimate:
    drawn = question_bootstrap.effects(regression, seed, DRAWS)
    if missing := int(np.isnan(drawn).sum()):
        state = f"{missing} of {DRAWS} draws not fitted"
        return clustered._replace(errors=BOOTSTRAP, state=state, lower=None, upper=None)
    lower, upper = question_bootstrap.interval(drawn)
    return clustered._replace(errors=BOOTSTRAP, lower=lower, upper=upper)
