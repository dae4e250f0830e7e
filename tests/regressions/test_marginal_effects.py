from __future__ import annotations

import dataclasses

import numpy as np
import patsy
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import observations, paired, published_observations
from scipy.special import expit
from scipy.stats import chi2, f, norm, t
from statsmodels.stats.multitest import multipletests

from warmline.regressions.logistic import Regression, fit, regression_rows
from warmline.regressions.marginal_effects import corrected, joint_test, marginal_effects

TASKS = ["disinfo", "medqa", "trivia", "truthfulqa"]
MODELS = ["llama-70b", "llama-8b", "gpt-4o", "mistral-small", "qwen-32b", "a", "b"]
COUNTS = st.tuples(*[st.integers(1, 12)] * 4)


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    beliefs = ["none", "asserts_wrong", "denies_right"]
    return regression_rows(frame, "warm@2", beliefs, task_order=TASKS, model_order=MODELS)


def effect(table: pl.DataFrame, subset: str, contrast: str | None = None) -> dict[str, float]:
    return table.row(
        by_predicate=(pl.col("subset") == subset) & pl.col("contrast").eq_missing(pl.lit(contrast)), named=True
    )


def study() -> pl.DataFrame:
    """Two tasks, three contexts, with and without belief; more errors with each."""
    return rows_of(
        pl.concat(
            paired(
                30 - 2 * hard - believes, 9 + 2 * sad, 4, 3 + 3 * hard + 2 * believes + sad,
                task=TASKS[hard], context=context, context_group="unmodified" if context == "unmodified" else "emotion",
                belief="asserts_wrong" if believes else "none",
            )
            for hard in (0, 1)
            for sad, context in enumerate(("unmodified", "happy", "sad"))
            for believes in (0, 1)
        )
    )  # fmt: skip


def test_articles_effect_comes_back_from_its_counts() -> None:
    # Specification, section 14, row 6: the published pairs, without the raw rows, give 7.17 percentage points.
    table = marginal_effects(fit(rows_of(published_observations()), "incorrect ~ treated + C(task) + C(model)"))
    row = effect(table, "all")
    assert row["effect"] == pytest.approx(7.17, abs=5e-3)
    assert (row["rows"], row["clusters"]) == (2 * 7948, 124 + 498 + 500 + 490)
    assert row["lower"] < row["effect"] < row["upper"]


@settings(max_examples=40)
@given(plain=COUNTS, sad=COUNTS)
def test_saturated_effects_are_differences_of_means(plain: tuple[int, ...], sad: tuple[int, ...]) -> None:
    cells = {"unmodified": plain, "sad": sad}
    rows = rows_of(pl.concat(paired(*counts, context=context) for context, counts in cells.items()))
    table = marginal_effects(fit(rows, "incorrect ~ treated * C(context)"), "context")
    expected, variance = {}, {}
    for context, (both, b, c, neither) in cells.items():
        n = both + b + c + neither
        original, treated = (c + neither) / n, (b + neither) / n
        expected[context] = 100 * (treated - original)
        variance[context] = 100**2 * (original * (1 - original) + treated * (1 - treated)) / n
        row = effect(table, context)
        assert row["effect"] == pytest.approx(expected[context], abs=1e-6)
        assert row["standard_error"] == pytest.approx(variance[context] ** 0.5, rel=1e-6)
    change = effect(table, "sad", "unmodified")
    assert change["effect"] == pytest.approx(expected["sad"] - expected["unmodified"], abs=1e-6)
    assert change["standard_error"] == pytest.approx(sum(variance.values()) ** 0.5, rel=1e-6)
    overall = sum(expected[context] * sum(cells[context]) for context in cells) / sum(sum(c) for c in cells.values())
    assert effect(table, "all")["effect"] == pytest.approx(overall, abs=1e-6)


@settings(max_examples=40)
@given(COUNTS)
def test_clustered_error_of_a_difference_of_means_is_that_of_its_pairs(counts: tuple[int, ...]) -> None:
    _, b, c, _ = counts
    rows = rows_of(paired(*counts))
    n = sum(counts)
    mean = (b - c) / n
    of_pairs = ((b * (1 - mean) ** 2 + c * (1 + mean) ** 2 + (n - b - c) * mean**2) / n**2) ** 0.5
    correction = (n / (n - 1) * (2 * n - 1) / (2 * n - 2)) ** 0.5
    row = effect(marginal_effects(fit(rows, "incorrect ~ treated")), "all")
    assert row["standard_error_clustered"] == pytest.approx(100 * of_pairs * correction, rel=1e-6)


@pytest.mark.parametrize(
    ("formula", "by", "levels"),
    [
        ("incorrect ~ treated * C(context) + C(task)", "context", ["unmodified", "happy", "sad"]),
        ("incorrect ~ treated * C(context_group) + C(task)", "context_group", ["unmodified", "emotion"]),
        ("incorrect ~ treated * C(context_group) + treated * belief + C(task)", "belief", ["none", "stated"]),
    ],
)
def test_errors_agree_with_a_numeric_derivative(formula: str, by: str, levels: list[str]) -> None:
    regression = fit(study(), formula)
    table = marginal_effects(regression, by)
    contrasts = [(level, levels[0]) for level in levels[1:]]
    assert table.select("subset", "contrast").rows() == [(level, None) for level in ["all", *levels]] + contrasts

    def values(
        coefficients: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        moved: Regression = dataclasses.replace(regression, coefficients=coefficients)
        return marginal_effects(moved, by)["effect"].to_numpy()

    step = 1e-4
    derivatives = np.array(
        [
            (values(regression.coefficients + move) - values(regression.coefficients - move)) / (2 * step)
            for move in step * np.eye(len(regression.coefficients))
        ]
    ).T
    for covariance, suffix in ((regression.covariance, ""), (regression.covariance_clustered, "_clustered")):
        expected = np.sqrt(np.diag(derivatives @ covariance @ derivatives.T))
        errors = table[f"standard_error{suffix}"].to_numpy()
        assert errors == pytest.approx(expected, rel=1e-5)
        # So many questions as the row says bear on an effect.
        distribution = t(table["clusters"].to_numpy() - 1) if suffix else norm
        half = distribution.ppf(0.975) * errors
        assert table[f"lower{suffix}"].to_numpy() == pytest.approx(table["effect"].to_numpy() - half)
        assert table[f"upper{suffix}"].to_numpy() == pytest.approx(table["effect"].to_numpy() + half)
        p_values = 2 * distribution.cdf(-np.abs(table["effect"].to_numpy() / errors))
        assert table[f"p_value{suffix}"].to_numpy() == pytest.approx(p_values)


def test_effects_average_predictions_over_the_rows_of_their_subset() -> None:
    rows = study()
    regression = fit(rows, "incorrect ~ treated * belief + C(task)")
    terms = dict(zip(regression.terms, regression.coefficients, strict=True))

    def probability(treated: int, row: dict[str, object]) -> float:
        belief = 1 if row["belief"] else 0
        log_odds = terms["Intercept"] + (row["task"] == "medqa") * terms["C(task)[T.medqa]"]
        log_odds += treated * terms["treated"] + belief * terms["belief"] + treated * belief * terms["treated:belief"]
        return float(1 / (1 + np.exp(-log_odds)))

    table = marginal_effects(regression, "belief")
    for level, belief in (("none", 0), ("stated", 1)):
        subset = rows.filter(belief=belief)
        by_hand = [100 * (probability(1, row) - probability(0, row)) for row in subset.iter_rows(named=True)]
        row = effect(table, level)
        assert row["effect"] == pytest.approx(np.mean(by_hand))
        assert (row["rows"], row["clusters"]) == (subset.height, subset["question"].n_unique())


def test_no_rows_give_one_empty_effect() -> None:
    table = marginal_effects(fit(study().clear(), "incorrect ~ treated"), "belief")
    assert table.select("state", "subset", "rows", "effect").rows() == [("no rows", "all", 0, None)]


def test_differences_are_corrected_for_their_number_and_effects_are_not() -> None:
    contexts = {"unmodified": (20, 9, 4, 7), "happy": (20, 8, 4, 8), "sad": (10, 20, 2, 8), "close": (16, 12, 5, 7)}
    rows = rows_of(pl.concat(paired(*counts, context=context) for context, counts in contexts.items()))
    table = corrected(marginal_effects(fit(rows, "incorrect ~ treated * C(context)"), "context"))
    differences = table.filter(pl.col("contrast").is_not_null())
    for suffix in ("", "_clustered"):
        expected = multipletests(differences[f"p_value{suffix}"], method="holm")[1]
        assert differences[f"p_value_holm{suffix}"].to_numpy() == pytest.approx(expected)
        assert (differences[f"p_value_holm{suffix}"] > differences[f"p_value{suffix}"]).any()
    assert table.filter(pl.col("contrast").is_null())["p_value_holm"].null_count() == 5


def joint(regression: Regression, by: str) -> tuple[dict[str, float], dict[str, float]]:
    """The clustered test, and that from the model."""
    clustered, from_model = joint_test(regression, by).iter_rows(named=True)
    assert (clustered["errors"], from_model["errors"]) == ("clustered by question", "from the model")
    return clustered, from_model


def test_joint_test_of_one_difference_is_the_test_of_that_difference() -> None:
    regression = fit(study(), "incorrect ~ treated * belief + C(task)")
    difference = effect(marginal_effects(regression, "belief"), "stated", "none")
    clustered, from_model = joint(regression, "belief")
    assert from_model["wald"] == pytest.approx((difference["effect"] / difference["standard_error"]) ** 2)
    assert from_model["p_value"] == pytest.approx(difference["p_value"])
    t_squared = (difference["effect"] / difference["standard_error_clustered"]) ** 2
    assert clustered["wald"] == pytest.approx(t_squared)
    assert clustered["p_value"] == pytest.approx(f.sf(t_squared, 1, clustered["clusters"] - 1))
    assert clustered["p_value"] == pytest.approx(difference["p_value_clustered"])
    assert (clustered["degrees_of_freedom"], clustered["rows"]) == (1, study().height)


def test_joint_test_of_a_saturated_regression_is_that_of_its_cells() -> None:
    cells = {"unmodified": (20, 9, 4, 7), "happy": (18, 8, 6, 8), "sad": (10, 20, 2, 8)}
    rows = rows_of(pl.concat(paired(*counts, context=context) for context, counts in cells.items()))
    rows = rows.with_columns(question=pl.struct("question", "context").rank("dense"))
    effects, model, clusters = [], [], []
    for both, b, c, neither in cells.values():
        n = both + b + c + neither
        original, treated, mean = (c + neither) / n, (b + neither) / n, (b - c) / n
        effects.append(mean)
        model.append((original * (1 - original) + treated * (1 - treated)) / n)
        clusters.append((b * (1 - mean) ** 2 + c * (1 + mean) ** 2 + (n - b - c) * mean**2) / n**2)
    regression = fit(rows, "incorrect ~ treated * C(context)")
    n, k = rows["question"].n_unique(), 6
    correction = n / (n - 1) * (rows.height - 1) / (rows.height - k)
    clustered, from_model = joint(regression, "context")
    for row, variances in ((from_model, np.array(model)), (clustered, correction * np.array(clusters))):
        # Independent effects that share one mean: the weighted sum of squares around it.
        mean = np.average(effects, weights=1 / variances)
        expected = float((((np.array(effects) - mean) ** 2) / variances).sum())
        assert row["wald"] == pytest.approx(expected, rel=1e-6)
        assert row["degrees_of_freedom"] == 2
    assert from_model["p_value"] == pytest.approx(chi2.sf(from_model["wald"], 2))
    assert clustered["p_value"] == pytest.approx(f.sf(clustered["wald"] * (n - 2) / (2 * (n - 1)), 2, n - 2))


def test_joint_test_does_not_depend_on_which_level_is_first() -> None:
    rows = study()
    other = rows.with_columns(pl.col("context").cast(pl.Enum(["sad", "unmodified", "happy"])))
    tables = [
        joint_test(fit(frame, "incorrect ~ treated * C(context) + C(task)"), "context") for frame in (rows, other)
    ]
    assert tables[0]["wald"].to_list() == pytest.approx(tables[1]["wald"].to_list(), rel=1e-6)


def test_what_cannot_be_tested_jointly_says_why() -> None:
    rows = rows_of(pl.concat([paired(4, 5, 2, 5), paired(3, 6, 1, 4, context="sad")]))
    formula = "incorrect ~ treated * C(context)"

    def states(frame: pl.DataFrame, formula: str = formula) -> list[str]:
        table = joint_test(fit(frame, formula), "context")
        untested = table.filter(pl.col("state") != "tested")
        assert untested.select("wald", "degrees_of_freedom", "p_value").null_count().row(0) == (untested.height,) * 3
        return table["state"].to_list()

    assert states(rows) == ["tested", "tested"]
    assert states(rows.with_columns(question=rows["question"] % 4)) == ["too few questions", "tested"]
    assert states(rows.filter(context="sad")) == ["one level", "one level"]
    assert states(rows.clear()) == ["no rows", "no rows"]
    # Both arms answer every question of both contexts alike: no difference has a clustered error.
    alike = rows_of(pl.concat([paired(5, 0, 0, 4), paired(3, 0, 0, 6, context="sad")]))
    assert states(alike) == ["singular covariance", "tested"]
    # Without an interaction, equal contexts have equal effects by construction.
    same = rows_of(pl.concat([paired(4, 5, 2, 5), paired(4, 5, 2, 5, context="sad")]))
    assert states(same, "incorrect ~ treated") == ["singular covariance"] * 2
    assert joint_test(fit(rows, formula)).is_empty()


def test_differences_that_follow_from_each_other_are_not_tested() -> None:
    """Effects in two groups that one coefficient alone tells apart from a third are two differences of one kind."""
    contexts = ("unmodified", "happy", "sad")
    rows = rows_of(
        pl.concat(
            paired(*counts, context=context, belief=belief)
            for context, belief, counts in zip(
                contexts,
                ("none", "asserts_wrong", "asserts_wrong"),
                ((9, 5, 2, 4), (8, 7, 1, 4), (8, 7, 1, 4)),
                strict=True,
            )
        )
    )
    table = joint_test(fit(rows, "incorrect ~ treated * belief"), "context")
    assert table["state"].to_list() == ["singular covariance"] * 2


def lengthy_answers() -> pl.DataFrame:
    """Answers of three models to two tasks, whose errors hang on treatment and on the length of the response."""
    generator = np.random.default_rng(11)
    size = 3000
    arms = generator.integers(0, 2, size)
    lengths = generator.integers(40, 1500, size) - 150 * arms * generator.integers(0, 2, size)
    tasks = generator.integers(0, 2, size)
    log_odds = -1.5 + 0.5 * arms + 0.8 * tasks + 0.001 * lengths
    return observations(
        arm=np.where(arms, "warm@2", "original"),
        task=np.array(TASKS)[tasks],
        model=generator.choice(MODELS[:3], size),
        item=[str(number) for number in generator.integers(0, 200, size)],
        verdict=np.where(generator.random(size) < expit(log_odds), "incorrect", "correct"),
        response_length=lengths,
    )


@pytest.mark.parametrize("suffix", ["", "_clustered"])
def test_the_effect_of_length_is_that_of_a_fit_of_single_answers(suffix: str) -> None:
    rows = rows_of(lengthy_answers())
    covariates = "treated + C(task) + C(model) + response_length"
    table = marginal_effects(fit(rows, f"incorrect ~ {covariates}"))
    assert table["subset"].to_list() == ["all", "100 characters more"]
    data = rows.to_pandas()
    clustered = {"cov_type": "cluster", "cov_kwds": {"groups": data["question"]}} if suffix else {}
    fitted = smf.glm(f"incorrect ~ {covariates}", data, family=sm.families.Binomial()).fit(tol=1e-12, **clustered)
    length = data["response_length"]
    changes = {
        "all": (data.assign(treated=1), data.assign(treated=0)),
        "100 characters more": (data.assign(response_length=length + 50), data.assign(response_length=length - 50)),
    }
    for subset, (more, less) in changes.items():
        row = effect(table, subset)
        assert row["effect"] == pytest.approx(100 * (fitted.predict(more) - fitted.predict(less)).mean(), abs=1e-7)
        designs = [np.asarray(patsy.dmatrix(covariates, changed)) for changed in (more, less)]
        predicted = [expit(design @ fitted.params.to_numpy())[:, np.newaxis] for design in designs]
        slopes = [p * (1 - p) * design for p, design in zip(predicted, designs, strict=True)]
        gradient = 100 * (slopes[0] - slopes[1]).mean(axis=0)
        error = float(np.sqrt(gradient @ fitted.cov_params().to_numpy() @ gradient))
        assert row[f"standard_error{suffix}"] == pytest.approx(error, rel=1e-6)
        distribution = t(data["question"].nunique() - 1) if suffix else norm
        assert row[f"p_value{suffix}"] == pytest.approx(2 * distribution.sf(abs(row["effect"] / error)), rel=1e-5)
        assert (row["rows"], row["clusters"]) == (3000, data["question"].nunique())


def test_responses_of_one_length_tell_nothing_of_length() -> None:
    table = marginal_effects(fit(rows_of(paired(20, 9, 4, 7)), "incorrect ~ treated + response_length"))
    assert effect(table, "all")["effect"] == pytest.approx(12.5)
    longer = effect(table, "100 characters more")
    assert (longer["state"], longer["rows"], longer["effect"], longer["p_value"]) == ("fitted", 80, None, None)


def test_a_regression_on_length_that_is_not_fitted_says_so() -> None:
    table = marginal_effects(fit(study().clear(), "incorrect ~ treated + response_length"))
    assert table.select("state", "subset", "effect").rows() == [
        ("no rows", "all", None),
        ("no rows", "100 characters more", None),
    ]
