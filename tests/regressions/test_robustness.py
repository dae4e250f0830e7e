"""The main effect by every analysis: each row is the fit that it says, of the answers that it says."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from observed import answered, observations, paired

from warmline.regressions.logistic import fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.regressions.robustness import robustness
from warmline.tables.regression_results import PENALISED, ROBUSTNESS

TASKS = ["disinfo", "medqa", "trivia"]
MODELS = ["a", "b"]
TUNING: dict[str, Any] = {
    "formula": "incorrect ~ treated + C(task) + C(model)",
    "beliefs": ["none"],
    "contexts": ["unmodified"],
}
DRAWS = 200
COUNTS = ("rows", "clusters", "effect", "lower", "upper")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmline.regressions.robustness.DRAWS", DRAWS)


def study() -> pl.DataFrame:
    """Answers of two models to three tasks, of which some are cut, refuse, or were given under another belief."""
    generator = np.random.default_rng(8)
    cells = list(
        itertools.product(["original", "warm@2"], MODELS, TASKS, map(str, range(30)), ["none", "denies_right"])
    )
    arms, models, tasks, items, beliefs = map(list, zip(*cells, strict=True))
    wrong = generator.random(len(cells)) < 0.3 + 0.15 * (np.array(arms) == "warm@2")
    return observations(
        arm=arms,
        model=models,
        task=tasks,
        item=items,
        belief=beliefs,
        verdict=np.where(wrong, "incorrect", "correct"),
        finish_reason=generator.choice(["stop", "length"], len(cells), p=[0.8, 0.2]),
        refusal_as_published=generator.random(len(cells)) < 0.15,
    )


def robust(frame: pl.DataFrame, regressions: Mapping[str, Any] | None = None) -> pl.DataFrame:
    return robustness(
        frame,
        ["warm@2"],
        regressions or {"tuning": TUNING},
        task_order=TASKS,
        model_order=MODELS,
        disinformation=["disinfo"],
        seed=1,
    )


def effect(frame: pl.DataFrame) -> dict[str, Any]:
    """The clustered effect of the answers given."""
    rows = regression_rows(frame, "warm@2", ["none"], ["unmodified"], task_order=TASKS, model_order=MODELS)
    row = marginal_effects(fit(rows, TUNING["formula"])).row(0, named=True)
    return {**row, "lower": row["lower_clustered"], "upper": row["upper_clustered"]}


def test_each_row_is_the_fit_of_the_answers_that_it_names() -> None:
    frame = study()
    table = robust(frame)
    pairs = frame.filter(arm="warm@2").join(
        frame.filter(arm="original"), on=["model", "task", "item", "belief"], validate="1:1"
    )
    whole = pairs.filter(finish_reason="stop", finish_reason_right="stop").select("model", "task", "item", "belief")
    refused = pl.col("refusal_as_published")
    expected = {
        "all": frame,
        "refusals as published": frame.with_columns(
            verdict=pl.when(refused & (pl.col("task") == "disinfo")).then(pl.lit("correct")).otherwise("verdict")
        ).filter(~refused | (pl.col("task") == "disinfo")),
        "ended by themselves in both arms": frame.join(whole, on=whole.columns, how="semi"),
        "cut in either arm": frame.join(whole, on=whole.columns, how="anti"),
        **{f"without model {model}": frame.filter(pl.col("model") != model) for model in MODELS},
        **{f"without task {task}": frame.filter(pl.col("task") != task) for task in TASKS},
    }
    clustered = table.filter(errors="clustered by question")
    assert clustered["subset"].to_list() == list(expected)
    assert set(table["state"]) == {"fitted"}
    for row in clustered.iter_rows(named=True):
        wanted = effect(expected[row["subset"]])
        assert [row[name] for name in COUNTS] == pytest.approx([wanted[name] for name in COUNTS]), row["subset"]
    sizes = [clustered.filter(subset=name)["rows"].item() for name in list(expected)[2:4]]
    assert sum(sizes) == clustered["rows"][0] == 360


def test_errors_come_in_four_ways_for_all_answers() -> None:
    table = robust(study()).filter(subset="all")
    assert table["errors"].to_list() == [
        "clustered by question",
        "from the model",
        "bootstrap over questions",
        "correlated within questions",
    ]
    assert table["effect"].to_list()[:3] == [table["effect"][0]] * 3
    assert table["effect"][3] == pytest.approx(table["effect"][0], abs=0.5)
    # Estimated by four ways, and not one number four times.
    assert table.select("lower", "upper").unique().height == 4
    assert (table["lower"] < table["effect"]).all() and (table["effect"] < table["upper"]).all()


def test_regressions_and_arms_come_in_the_order_given() -> None:
    frame = study()
    cold = frame.filter(arm="warm@2").with_columns(arm=pl.lit("cold@2"))
    table = robustness(
        pl.concat([frame, cold]),
        ["warm@2", "cold@2"],
        {"tuning": TUNING, "all": {"formula": "incorrect ~ treated", "beliefs": ["none", "denies_right"]}},
        task_order=TASKS,
        model_order=MODELS,
        disinformation=[],
        seed=1,
    )
    keys = table.select("regression", "arm").unique(maintain_order=True).rows()
    assert keys == [(name, arm) for name in ("tuning", "all") for arm in ("warm@2", "cold@2")]
    pooled = table.filter(regression="all", arm="warm@2", subset="all")
    assert pooled["rows"].to_list() == [720] * 4
    # An equal arm has equal numbers, whatever other arms there are.
    both = [table.filter(arm=arm).drop("arm") for arm in ("warm@2", "cold@2")]
    assert both[0].equals(both[1])


def test_one_model_and_one_task_leave_nothing_to_leave_out() -> None:
    table = robust(paired(20, 9, 4, 7))
    assert not any(subset.startswith("without") for subset in table["subset"])
    cut = table.row(by_predicate=pl.col("subset") == "cut in either arm", named=True)
    assert (cut["state"], cut["rows"], cut["effect"]) == ("no rows", 0, None)


@pytest.mark.parametrize(
    ("state", "frame"),
    [
        ("no rows", answered("original", ["correct", "incorrect"])),
        ("no variation", paired(5, 0, 0, 4)),
        ("too few questions", pl.concat([paired(4, 5, 2, 5).with_columns(item=pl.lit(item)) for item in "12"])),
    ],
)
def test_what_cannot_be_estimated_says_why_and_has_no_interval(state: str, frame: pl.DataFrame) -> None:
    table = robust(frame).filter(pl.col("errors") != "from the model", subset="all")
    assert table["state"].to_list() == [state] * 3
    assert table["lower"].null_count() == table["upper"].null_count() == 3


def test_a_penalised_fit_is_named_and_lends_its_numbers_to_no_other_analysis() -> None:
    table = robust(paired(5, 5, 0, 0)).filter(subset="all")
    assert table.select("errors", "state").rows() == [
        ("clustered by question", PENALISED),
        ("from the model", PENALISED),
        ("bootstrap over questions", "separation"),
        ("correlated within questions", "separation"),
    ]
    assert table.select("effect", "lower", "upper").null_count().row(0) == (2, 2, 2)
    # Half an answer of each kind is added to each arm.
    assert table["effect"][0] == pytest.approx(100 * (5.5 / 11 - 0.5 / 11))


def test_draws_that_cannot_be_fitted_leave_no_interval() -> None:
    # One question alone is in the sad context; many draws have none of it.
    alone = pl.concat([paired(*counts, context="sad") for counts in ((0, 1, 0, 0), (0, 0, 1, 0))])
    frame = pl.concat([paired(5, 4, 2, 5), alone.with_columns(item=pl.lit("9999"))])
    table = robust(frame, {"contexts": {"formula": "incorrect ~ treated + C(context)", "beliefs": ["none"]}})
    drawn = table.row(by_predicate=pl.col("errors") == "bootstrap over questions", named=True)
    assert drawn["state"].endswith(f" of {DRAWS} draws not fitted")
    assert (drawn["lower"], drawn["upper"]) == (None, None)
    assert drawn["effect"] is not None


def test_without_arms_there_are_no_rows() -> None:
    table = robustness(study(), [], {"t": TUNING}, task_order=TASKS, model_order=MODELS, disinformation=[], seed=1)
    assert table.schema == ROBUSTNESS.schema and table.is_empty()
