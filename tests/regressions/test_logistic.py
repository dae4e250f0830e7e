from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from observed import answered, observations, paired, published_observations
from scipy.stats import norm, t

from warmline.lineage.errors import UserError
from warmline.regressions.logistic import Regression, coefficient_table, fit, parse_formula, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.tables.regression_results import PENALISED

TASKS = ["disinfo", "medqa", "trivia", "truthfulqa"]
MODELS = ["llama-70b", "llama-8b", "gpt-4o", "mistral-small", "qwen-32b", "a", "b"]
GROUPS = {"unmodified": "unmodified", "sad": "emotion", "happy": "emotion", "close": "relation"}
BELIEFS = ["none", "asserts_wrong", "denies_right"]
TUNING = "incorrect ~ treated + C(task) + C(model)"
ARTICLE = [
    (TUNING, None),
    ("incorrect ~ treated * C(context_group) + C(task) + C(model)", "context_group"),
    ("incorrect ~ treated * C(context) + C(task) + C(model)", "context"),
    ("incorrect ~ treated * C(context_group) + treated * belief + C(task) + C(model)", "belief"),
]


def rows_of(frame: pl.DataFrame, beliefs: list[str] | None = None, contexts: list[str] | None = None) -> pl.DataFrame:
    return regression_rows(frame, "warm@2", beliefs or BELIEFS, contexts, task_order=TASKS, model_order=MODELS)


def coefficient(regression: Regression, term: str) -> dict[str, Any]:
    assert regression.state == "fitted"
    return coefficient_table(regression).row(by_predicate=pl.col("term") == term, named=True)


def log_odds_ratio(original: tuple[int, int], treated: tuple[int, int]) -> float:
    """Of counts (incorrect, correct)."""
    return float(np.log(treated[0] / treated[1]) - np.log(original[0] / original[1]))


def test_articles_first_regression_comes_back_from_its_counts() -> None:
    # Specification, section 14, row 6: the published pairs, without the raw rows, give 0.4137.
    regression = fit(rows_of(published_observations()), TUNING)
    row = coefficient(regression, "treated")
    assert row["coefficient"] == pytest.approx(0.4137, abs=5e-5)
    assert row["z"] == pytest.approx(row["coefficient"] / row["standard_error"])
    assert coefficient_table(regression)["term"].to_list() == [
        "Intercept",
        *(f"C(task)[T.{task}]" for task in TASKS[1:]),
        *(f"C(model)[T.{model}]" for model in MODELS[1:5]),
        "treated",
    ]


@given(st.lists(st.integers(1, 30), min_size=4, max_size=4))
def test_two_by_two_table_has_its_closed_form(counts: list[int]) -> None:
    wrong, right, treated_wrong, treated_right = counts
    frame = pl.concat(
        [
            answered("original", ["incorrect"] * wrong + ["correct"] * right),
            answered("warm@2", ["incorrect"] * treated_wrong + ["correct"] * treated_right),
        ]
    )
    row = coefficient(fit(rows_of(frame), "incorrect ~ treated"), "treated")
    assert row["coefficient"] == pytest.approx(log_odds_ratio((wrong, right), (treated_wrong, treated_right)), abs=1e-6)
    assert row["standard_error"] == pytest.approx(sum(1 / count for count in counts) ** 0.5, rel=1e-6)


def test_interactions_are_relative_to_the_unmodified_context() -> None:
    frame = pl.concat(
        paired(*counts, context=context, context_group=group)
        for counts, context, group in (
            ((20, 9, 4, 7), "unmodified", "unmodified"),
            ((15, 12, 3, 10), "anger", "emotion"),
            ((17, 8, 6, 9), "sad", "emotion"),
        )
    )
    regression = fit(rows_of(frame), "incorrect ~ treated * C(context)")
    plain = log_odds_ratio((11, 29), (16, 24))
    assert coefficient(regression, "treated")["coefficient"] == pytest.approx(plain, abs=1e-6)
    sad = log_odds_ratio((15, 25), (17, 23))
    interaction = coefficient(regression, "treated:C(context)[T.sad]")
    assert interaction["coefficient"] == pytest.approx(sad - plain, abs=1e-6)


def test_repeating_each_answer_shrinks_only_the_unclustered_error() -> None:
    once = rows_of(paired(20, 9, 4, 7))
    single, double = (
        coefficient(fit(frame, "incorrect ~ treated"), "treated") for frame in (once, pl.concat([once, once]))
    )
    assert double["standard_error"] == pytest.approx(single["standard_error"] / 2**0.5)
    n, k = once.height, 2
    correction = ((2 * n - 1) / (2 * n - k)) / ((n - 1) / (n - k))
    assert double["standard_error_clustered"] == pytest.approx(single["standard_error_clustered"] * correction**0.5)


def test_few_questions_make_a_clustered_coefficient_less_certain_than_the_normal_distribution_would() -> None:
    row = coefficient(fit(rows_of(paired(3, 5, 1, 2)), "incorrect ~ treated"), "treated")
    clustered = row["coefficient"] / row["standard_error_clustered"]
    assert row["p_value_clustered"] == pytest.approx(2 * t(10).sf(clustered))
    assert row["p_value"] == pytest.approx(2 * norm.sf(row["z"]))


def test_a_question_is_a_task_and_an_item() -> None:
    frame = pl.concat([paired(20, 9, 4, 7, model=model, task=task) for model in ("a", "b") for task in TASKS[:2]])
    rows = rows_of(frame)
    assert rows["question"].n_unique() == 80
    assert rows.group_by("question").len()["len"].to_list() == [4] * 80


def test_factors_with_one_level_drop_out() -> None:
    rows = rows_of(paired(20, 9, 4, 7))
    alone = coefficient_table(fit(rows, "incorrect ~ treated"))
    for formula, _ in ARTICLE:
        assert coefficient_table(fit(rows, formula)).equals(alone)
    constant = coefficient_table(fit(rows.with_columns(belief=pl.lit(1, pl.Int8)), "incorrect ~ treated * belief"))
    assert constant.equals(alone)


def test_levels_are_in_the_order_given_and_unmodified_comes_first() -> None:
    rows = regression_rows(
        pl.concat([paired(1, 1, 1, 1, model=m, context=c) for m, c in (("a", "anger"), ("b", "unmodified"))]),
        "warm@2",
        ["none"],
        task_order=["trivia"],
        model_order=["b", "c", "a"],
    )
    assert rows.schema["model"] == pl.Enum(["b", "a"])
    assert rows.schema["context"] == pl.Enum(["unmodified", "anger"])


def test_rows_are_the_scored_answers_of_the_two_arms_selected() -> None:
    frame = pl.concat(
        [
            paired(2, 2, 2, 2),
            paired(1, 1, 1, 1, belief="asserts_wrong"),
            paired(1, 1, 1, 1, context="sad"),
            answered("warm@2", ["unscored"], framing="framed"),
            answered("cold@2", ["correct"]),
            answered("original", ["incorrect"] * 3, model="b"),
        ]
    )
    rows = rows_of(frame, ["none"], ["unmodified"])
    assert rows.height == 16
    assert rows["model"].unique().to_list() == ["a"]
    assert rows.group_by("treated").agg(pl.col("incorrect").sum()).sort("treated").rows() == [(0, 4), (1, 4)]
    assert rows_of(frame, ["none", "asserts_wrong"], ["unmodified"])["belief"].sum() == 8
    assert rows_of(frame).height == 16 + 8 + 8


@pytest.mark.parametrize(("orders", "remedy"), [((["medqa"], ["a"]), "--task-order"), ((["trivia"], ["b"]), "--model")])
def test_an_unknown_level_is_refused(orders: tuple[list[str], list[str]], remedy: str) -> None:
    tasks, models = orders
    with pytest.raises(UserError, match=f"is not among .*{remedy}"):
        regression_rows(paired(1, 1, 1, 1), "warm@2", ["none"], task_order=tasks, model_order=models)


@pytest.mark.parametrize(
    ("state", "frame"),
    [
        ("no rows", observations(arm="original").clear()),
        ("no rows", answered("original", ["correct", "incorrect"])),
        ("one outcome only", paired(5, 0, 0, 0)),
        ("one outcome only", paired(0, 0, 0, 5)),
        ("singular design", pl.concat([paired(2, 2, 2, 2), answered("warm@2", ["correct"], context="sad")])),
    ],
)
def test_what_cannot_be_estimated_says_why(state: str, frame: pl.DataFrame) -> None:
    regression = fit(rows_of(frame), "incorrect ~ treated * C(context)")
    table = coefficient_table(regression)
    assert table.select("state", "term").rows() == [(state, "treated")]
    assert set(table.drop("state", "term").row(0)) == {None}
    effects = marginal_effects(regression, "context")
    assert set(effects["state"]) == {state}
    assert effects["effect"].null_count() == effects["p_value_clustered"].null_count() == effects.height


def test_one_arm_only_says_so() -> None:
    rows = rows_of(paired(2, 2, 2, 2)).filter(treated=1)
    assert fit(rows, "incorrect ~ treated").state == "one arm only"


cells = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any), min_size=4, max_size=4)


@given(cells)
def test_separation_is_found_exactly_where_a_saturated_cell_has_one_outcome(counts: list[tuple[int, int]]) -> None:
    arms_and_contexts = [(arm, context) for arm in ("original", "warm@2") for context in ("unmodified", "sad")]
    frame = pl.concat(
        answered(arm, ["incorrect"] * wrong + ["correct"] * right, context=context)
        for (arm, context), (wrong, right) in zip(arms_and_contexts, counts, strict=True)
    )
    state = fit(rows_of(frame), "incorrect ~ treated * C(context)").state
    if all(wrong == 0 for wrong, _ in counts) or all(right == 0 for _, right in counts):
        assert state == "one outcome only"
    else:
        assert state == ("fitted" if all(wrong and right for wrong, right in counts) else PENALISED)


def test_separation_by_length_is_found() -> None:
    rows = rows_of(paired(4, 4, 4, 4))
    separating = rows.with_columns(response_length=1000 + pl.int_range(pl.len()) + 5 * pl.col("incorrect") * pl.len())
    overlapping = rows.with_columns(response_length=1000 + pl.int_range(pl.len()))
    formula = "incorrect ~ treated + response_length"
    assert (fit(overlapping, formula).state, fit(separating, formula).state) == ("fitted", PENALISED)


def test_arms_that_answer_alike_have_no_clustered_error() -> None:
    row = coefficient(fit(rows_of(paired(5, 0, 0, 4)), "incorrect ~ treated"), "treated")
    assert row["coefficient"] == pytest.approx(0, abs=1e-9)
    assert row["standard_error"] > 0.1
    assert (row["standard_error_clustered"], row["p_value_clustered"]) == (None, None)


def test_clustered_errors_need_more_questions_than_coefficients() -> None:
    rows = rows_of(pl.concat([paired(4, 5, 2, 5), paired(3, 6, 1, 4, context="sad")]))
    for questions, known in ((4, False), (5, True)):
        few = fit(rows.with_columns(question=rows["question"] % questions), "incorrect ~ treated * C(context)")
        row = coefficient(few, "treated")
        assert (row["standard_error_clustered"] is not None, row["p_value_clustered"] is not None) == (known, known)
        assert row["standard_error"] > 0


@st.composite
def tiny_studies(draw: st.DrawFn) -> pl.DataFrame:
    size = draw(st.integers(1, 16))
    contexts = draw(st.lists(st.sampled_from(sorted(GROUPS)), min_size=size, max_size=size))

    def column(values: list[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))

    return observations(
        arm=column(["original", "warm@2"]),
        task=column(TASKS[:2]),
        model=column(["a", "b"]),
        context=contexts,
        context_group=[GROUPS[context] for context in contexts],
        belief=column(BELIEFS),
        item=column(["1", "2", "3"]),
        verdict=column(["correct", "incorrect", "unscored"]),
    )


@given(tiny_studies(), st.sampled_from(ARTICLE))
def test_tiny_studies_never_crash(frame: pl.DataFrame, regression: tuple[str, str | None]) -> None:
    formula, by = regression
    result = fit(rows_of(frame), formula)
    effects = marginal_effects(result, by)
    assert effects.height >= 1
    known = coefficient_table(result)["standard_error"].is_not_null()
    assert known.all() == known.any() == (result.state in ("fitted", PENALISED))
    assert effects["standard_error"].is_not_null().all() == (result.state in ("fitted", PENALISED))
    for name in ("lower", "upper", "lower_clustered", "upper_clustered"):
        bounds = effects.filter(pl.col("contrast").is_null())[name].drop_nulls()
        assert bounds.is_between(-100, 100).all()


@pytest.mark.parametrize(
    ("formula", "offender"),
    [
        ("incorrect ~ treated + __import__('os').system('touch {marker}')", "system"),
        ("incorrect ~ treated + C(__import__('os').system('touch {marker}'))", "system"),
        ("incorrect ~ treated + np.log(response_length)", "np.log"),
        ("incorrect ~ treated + I(response_length)", r"I\(response_length\)"),
        ("incorrect ~ treated + C(task, levels=task)", "levels"),
        ("incorrect ~ treated + C(*task)", r"C\(\*task\)"),
        ("incorrect ~ treated + treated.real", "treated.real"),
        ("incorrect ~ treated + belief[0]", "belief"),
        ("incorrect ~ treated + epoch", "'epoch'"),
        ("incorrect ~ treated + incorrect", "'incorrect'"),
        ("incorrect ~ treated + question", "'question'"),
        ("incorrect ~ treated | belief", r"treated \| belief"),
        ("incorrect ~ .", r"'\.'"),
        ("incorrect ~ treated + C(task", "formula"),
        ("incorrect ~ treated +", "noun"),
        ("treated ~ belief", "left side"),
        ("treated", "left side"),
        ("~ treated", "left side"),
        ("incorrect + belief ~ treated", "left side"),
        ("incorrect ~ belief", "treated is missing"),
        ("", "left side"),
    ],
)
def test_formulas_are_refused_before_they_run(formula: str, offender: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(UserError, match=offender):
        fit(rows_of(paired(2, 2, 2, 2)), formula.replace("{marker}", str(marker)))
    assert not marker.exists()


@pytest.mark.parametrize("formula", [formula for formula, _ in ARTICLE])
def test_the_articles_formulas_are_allowed(formula: str) -> None:
    parse_formula(formula)
    parse_formula("incorrect ~ treated * C(task) + (belief + response_length)**2 - 1")


@pytest.mark.parametrize("formula", [*(formula for formula, _ in ARTICLE), TUNING + " + response_length"])
def test_counted_answers_give_the_fit_of_single_answers(formula: str) -> None:
    generator = np.random.default_rng(7)
    size = 4000
    contexts = generator.choice(sorted(GROUPS), size)
    frame = observations(
        arm=generator.choice(["original", "warm@2"], size),
        task=generator.choice(TASKS, size),
        model=generator.choice(MODELS[:3], size),
        context=contexts,
        context_group=[GROUPS[context] for context in contexts],
        belief=generator.choice(BELIEFS, size),
        item=[str(number) for number in generator.integers(0, 40, size)],
        verdict=generator.choice(["correct", "incorrect"], size),
        response_length=generator.integers(1, 1200, size),
    )
    rows = rows_of(frame)
    single = smf.glm(formula, rows.to_pandas(), family=sm.families.Binomial())
    expected = single.fit(tol=1e-12)
    clustered = single.fit(tol=1e-12, cov_type="cluster", cov_kwds={"groups": rows["question"].to_numpy()})
    regression = fit(rows, formula)
    assert regression.terms == list(expected.params.index)
    assert regression.coefficients == pytest.approx(expected.params.to_numpy(), abs=1e-8)
    for ours, theirs in ((regression.covariance, expected), (regression.covariance_clustered, clustered)):
        assert np.sqrt(np.diag(ours)) == pytest.approx(theirs.bse.to_numpy(), rel=1e-8)
    assert (regression.patterns.height < 300) == ("response_length" not in formula)
