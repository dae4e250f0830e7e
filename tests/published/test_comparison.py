"""A study's own differences beside the article's."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from repository import REPOSITORY
from scipy.stats import norm
from statsmodels.stats.weightstats import CompareMeans

from warmline.published.comparison import cells, numbers, pooled
from warmline.published.numbers import derived
from warmline.published.reconstruction import reconstruct
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_CELLS
from warmline.tables.regression_results import PENALISED

TEST = {
    **{"model": "small", "arm": "warm@2", "task": "triviaqa", "context": "sad", "belief": "none", "framing": "plain"},
    **{"pairs": 100, "original_accuracy": 0.8, "treated_accuracy": 0.7, "b": 20, "c": 10},
}
COUNT = {
    **{
        "arm": "warm",
        "original_accuracy": 75.0,
        "treated_accuracy": 70.0,
        "model": "llama-8b",
        "task": "triviaqa",
        "context": "sad",
        "context_group": "emotion",
        "belief": "none",
    },
    **{"pairs": 400, "original_right": 300, "treated_right": 280, "b": 50, "c": 30},
}
COUNTERPARTS = {"small": "llama-8b"}


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    return reconstruct({"warm": csv_tables.read(REPOSITORY / "config/published/cells.csv", PRINTED_CELLS)})


def study_of(*rows: dict[str, Any], arms: tuple[str, ...] = ("warm@2",)) -> pl.DataFrame:
    return pooled(pl.DataFrame([TEST | row for row in rows]), COUNTERPARTS, dict.fromkeys(arms, "warm"))


def compared(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    count = pl.DataFrame(
        [COUNT | theirs], schema_overrides={name: pl.Int64 for name, value in COUNT.items() if type(value) is int}
    )
    return cells(count, study_of(ours)).row(0, named=True)


def sampled(counts: pl.DataFrame, generator: np.random.Generator, extra: float = 0) -> pl.DataFrame:
    """New counts of the same design, from the shares of the given ones, with more answers that became wrong."""
    rows = []
    for row in counts.iter_rows(named=True):
        n, b, c = row["pairs"], row["b"] or 40, row["c"] or 40
        b = min(b + extra * n, row["original_right"])
        shares = np.array([row["original_right"] - b, b, c, max(n - row["original_right"] - c, 0)])
        both, b, c, _ = (int(value) for value in generator.multinomial(n, shares / shares.sum()))
        rows.append(row | {"original_right": both + b, "treated_right": both + c, "b": b, "c": c})
    return pl.DataFrame(rows, schema=counts.schema)


def as_study(counts: pl.DataFrame) -> pl.DataFrame:
    rates = {f"{side}_accuracy": pl.col(f"{side}_right") / pl.col("pairs") for side in ("original", "treated")}
    tests = counts.with_columns(
        arm=pl.lit("warm@2"),
        framing=pl.lit("plain"),
        belief=pl.when(pl.col("belief") == "none").then(pl.lit("none")).otherwise(pl.lit("denies_right")),
        **rates,
    )
    return pooled(tests, {name: name for name in counts["model"].unique()}, {"warm@2": "warm"})


def test_a_study_is_pooled_as_the_article_pools() -> None:
    study = study_of(
        {"framing": "plain"},
        {"framing": "framed"},
        {"belief": "asserts_wrong", "b": 7},
        {"belief": "denies_right", "b": 5},
        {"belief": "denies_right", "framing": "framed"},
        {"belief": "asserts_wrong", "framing": "framed", "context": "close", "pairs": 30},
        {"arm": "cold@2"},
        {"model": "other"},
    )
    columns = ["published", "context", "belief", "beliefs", "pairs", "original_right", "treated_right", "b", "c"]
    assert study.select(columns).rows() == [
        ("llama-8b", "close", "stated", "asserts_wrong", 30, 24, 21, 20, 10),
        ("llama-8b", "sad", "none", "none", 100, 80, 70, 20, 10),
        ("llama-8b", "sad", "stated", "asserts_wrong, denies_right", 200, 160, 140, 12, 20),
    ]


def test_the_test_of_a_cell_is_that_of_two_samples_of_paired_differences() -> None:
    row = compared({}, {})
    theirs = np.repeat([1, -1, 0], [50, 30, 320])
    ours = np.repeat([1, -1, 0], [20, 10, 70])
    assert (row["published_risk_difference"], row["risk_difference"]) == (0.05, 0.1)
    assert row["published_standard_error"] == pytest.approx(theirs.std() / 20)
    assert row["standard_error"] == pytest.approx(ours.std() / 10)
    # statsmodels divides by n - 1.
    means = CompareMeans.from_data(ours, theirs)
    z, p_value = means.ztest_ind(usevar="unequal")
    assert row["p_value"] == pytest.approx(p_value, rel=0.02)
    assert row["difference"] / z == pytest.approx(np.hypot(ours.std() / 10, theirs.std() / 20), rel=0.01)
    interval = means.zconfint_diff(usevar="unequal")
    assert (row["lower"], row["upper"]) == pytest.approx(interval, rel=0.02)
    assert (row["state"], row["q_value"]) == ("compared", row["p_value"])


@pytest.mark.parametrize(
    ("theirs", "ours", "state"),
    [
        ({}, {"pairs": 0, "original_accuracy": None, "treated_accuracy": None, "b": 0, "c": 0}, "no pairs"),
        ({"b": None, "c": None, "treated_right": 300}, {}, "the article's changes are not told"),
        ({"pairs": None, "b": None, "c": None}, {}, "the article's changes are not told"),
        ({}, {"b": 5, "c": 4}, "too few changes"),
        ({"b": 9, "c": 0, "treated_right": 291}, {}, "too few changes"),
        ({}, {"pairs": 20, "b": 20, "c": 0, "original_accuracy": 1.0, "treated_accuracy": 0.0}, "no variation"),
    ],
)
def test_a_cell_that_cannot_be_tested_says_why(theirs: dict[str, Any], ours: dict[str, Any], state: str) -> None:
    row = compared(theirs, ours)
    assert row["state"] == state
    assert {row[name] for name in ("lower", "upper", "p_value", "q_value")} == {None}


def test_a_study_that_repeats_the_article_differs_as_often_as_chance_has_it(counts: pl.DataFrame) -> None:
    generator = np.random.default_rng(3)
    table = cells(sampled(counts, generator), as_study(sampled(counts, generator)))
    assert table.height == 360
    tested = table.filter(state="compared")
    assert tested.height > 330
    error = (pl.col("standard_error") ** 2 + pl.col("published_standard_error") ** 2).sqrt()
    z = tested.select(pl.col("difference") / error)[:, 0]
    assert z.std() == pytest.approx(1, abs=0.12)
    assert (tested["p_value"] < 0.05).mean() == pytest.approx(0.05, abs=0.035)
    assert tested["p_value"].to_numpy() == pytest.approx(2 * norm.sf(np.abs(z.to_numpy())))
    assert (tested["q_value"] < 0.05).sum() < 5


def test_a_study_with_a_greater_effect_is_told_from_the_article(counts: pl.DataFrame) -> None:
    some = counts.filter(model="llama-8b", task="medqa")
    table = cells(some, as_study(sampled(some, np.random.default_rng(4), extra=0.1)))
    assert (table["q_value"] < 0.05).mean() > 0.8
    assert (table["difference"] > 0).all()


def test_q_values_are_taken_over_the_cells_of_an_arm() -> None:
    rows = [{"arm": arm, "context": context} for arm in ("warm@1", "warm@2") for context in ("sad", "anger")]
    study = study_of(*rows, {"arm": "warm@1", "context": "happy", "b": 60, "c": 0}, arms=("warm@1", "warm@2"))
    table = cells(pl.DataFrame([COUNT | {"context": context} for context in ("sad", "anger", "happy")]), study)
    first, second = (table.filter(arm=arm)["q_value"].to_list() for arm in ("warm@1", "warm@2"))
    assert second == pytest.approx([table.filter(arm="warm@2")["p_value"][0]] * 2)
    assert min(first) == pytest.approx(3 * table["p_value"].min())


def test_the_article_beside_itself_has_its_own_numbers_and_no_difference(counts: pl.DataFrame) -> None:
    counts = counts.filter(model="mistral-small")
    table = numbers(counts, as_study(counts))
    capabilities = pl.DataFrame({"model": ["llama-8b"], "task": ["mmlu"], "original": [63.8], "warm": [55.2]})
    article = derived(counts, capabilities)
    assert table.height == 15
    for row in table.iter_rows(named=True):
        assert row["published_estimate"] == pytest.approx(article[row["id"]]), row["id"]
        assert row["estimate"] == pytest.approx(article[row["id"]]), row["id"]
        assert row["difference"] == pytest.approx(0, abs=1e-6)
    plain = table.row(by_predicate=pl.col("id") == "increase.plain", named=True)
    assert plain["standard_error"] == pytest.approx(plain["published_standard_error"])
    assert plain["p_value"] == pytest.approx(1)


def test_numbers_are_taken_over_the_cells_that_both_have(counts: pl.DataFrame) -> None:
    shared = counts.filter(pl.col("task").is_in(["medqa", "triviaqa"]), model="qwen-32b", context="unmodified")
    table = numbers(counts, as_study(shared))
    by_id = {row["id"]: row for row in table.iter_rows(named=True)}
    assert set(by_id) == {
        *("increase.medqa", "increase.triviaqa", "increase.plain", "tuning.coefficient", "tuning.effect"),
        *("beliefs.none", "beliefs.stated"),
    }
    # Specification, section 14: 495; 330; 283 of MedQA and 492; 398; 370 of TriviaQA.
    medqa, triviaqa = 100 * (330 - 283) / 495, 100 * (398 - 370) / 492
    assert by_id["increase.plain"]["published_estimate"] == pytest.approx((medqa + triviaqa) / 2)


def test_a_fit_that_fails_says_so() -> None:
    count = pl.DataFrame([COUNT | {"context": "unmodified", "context_group": "unmodified"}])
    right = {"original_accuracy": 1.0, "treated_accuracy": 0.7, "b": 30, "c": 0, "context": "unmodified"}
    by_id = {row["id"]: row for row in numbers(count, study_of(right)).iter_rows(named=True)}
    effect = by_id["tuning.effect"]
    assert (effect["state"], effect["p_value"]) == (PENALISED, None)
    # Of a hundred answers, and half of one of each kind.
    assert effect["estimate"] == pytest.approx(100 * (30.5 - 0.5) / 101)
    assert by_id["increase.plain"]["state"] == "compared"


def test_an_arm_stands_beside_the_arm_of_its_treatment_and_numbers_are_of_warm_ones() -> None:
    published = [COUNT | {"arm": arm, "b": 50 + b} for arm, b in (("warm", 0), ("cold", 1), ("warm-prompt", 2))]
    arms = {"cold@2": "cold", "warm-prompt": "warm-prompt", "warm@2": "warm"}
    study = pooled(pl.DataFrame([TEST | {"arm": arm} for arm in (*arms, "odd@2")]), COUNTERPARTS, arms)
    counts = pl.DataFrame(published)
    table = cells(counts, study)
    assert table.select("arm", "published_arm", "published_b").rows() == [
        ("cold@2", "cold", 51),
        ("warm-prompt", "warm-prompt", 52),
        ("warm@2", "warm", 50),
    ]
    assert set(numbers(counts, study)["arm"]) <= {"warm@2"}
    plain = pl.DataFrame([row | {"context": "unmodified"} for row in published])
    asked = pooled(pl.DataFrame([TEST | {"arm": arm, "context": "unmodified"} for arm in arms]), COUNTERPARTS, arms)
    assert set(numbers(plain, asked)["arm"]) == {"warm@2"}


def test_a_cell_of_the_article_without_counts_has_its_difference_as_printed() -> None:
    row = compared({"pairs": None, "original_right": None, "treated_right": None, "b": None, "c": None}, {})
    assert (row["published_pairs"], row["published_risk_difference"]) == (None, pytest.approx(0.05))


def test_a_study_without_a_cell_of_the_article_has_empty_tables() -> None:
    study = study_of({"task": "trivia"})
    assert cells(pl.DataFrame([COUNT]), study).is_empty()
    assert numbers(pl.DataFrame([COUNT]), study).is_empty()
