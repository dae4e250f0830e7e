from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf
from observed import answered, observations, paired
from scipy.stats import t
from script_runs import run_script

from warmline.statistics.paired_tests import mcnemar_p_value
from warmline.statistics.refusal_rates import refusal_table, sensitivity
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS

TREATED = ["warm@2"]


def row(table: pl.DataFrame, treatment: str = "kept", task: str = "all") -> dict[str, object]:
    return table.filter(refusals_are=treatment, task=task).row(0, named=True)


def test_refusals_are_counted_by_both_rules_over_all_answers_and_framings() -> None:
    frame = observations(
        item=["1", "2", "1", "3"],
        framing=["plain", "plain", "framed", "plain"],
        context=["sad", "sad", "sad", "unmodified"],
        verdict=["unscored", "correct", "incorrect", "correct"],
        refusal=[True, False, True, False],
        refusal_as_published=[True, False, False, False],
    )
    sad, plain = refusal_table(frame).iter_rows(named=True)
    assert (sad["context"], sad["n"], sad["refusals"], sad["refusals_as_published"]) == ("sad", 3, 2, 1)
    assert (sad["share"], sad["share_as_published"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (plain["context"], plain["n"], plain["refusals"], plain["share"]) == ("unmodified", 1, 0, 0)


def test_each_treatment_changes_the_difference_as_it_should() -> None:
    """The original gets ten of ten right; the treated arm refuses two (judged wrong) and is wrong on one more."""
    original = answered("original", ["correct"] * 10)
    refused = [True, True, *[False] * 8]
    treated = answered("warm@2", ["incorrect"] * 3 + ["correct"] * 7, refusal=refused, refusal_as_published=refused)
    table = sensitivity(pl.concat([original, treated]), TREATED, [])
    counts = {name: (row(table, name)["pairs"], row(table, name)["b"]) for name in table["refusals_are"].unique()}
    assert counts == {
        "kept": (10, 3),
        "excluded": (8, 1),
        "counted_correct": (10, 1),
        "counted_incorrect": (10, 3),
        "as_published": (8, 1),
    }
    assert row(table)["risk_difference"] == pytest.approx(0.3)
    assert (row(table)["original_error"], row(table)["treated_error"]) == (0, pytest.approx(0.3))
    published = row(sensitivity(pl.concat([original, treated]), TREATED, ["trivia"]), "as_published")
    assert (published["pairs"], published["b"]) == (10, 1)


def test_tasks_are_told_apart_and_together() -> None:
    table = sensitivity(pl.concat([paired(1, 5, 1, 1), paired(0, 1, 0, 1, task="lies")]), TREATED, ["lies"])
    kept = table.filter(refusals_are="kept")
    assert kept["task"].to_list() == ["all", "lies", "trivia"]
    assert kept["pairs"].to_list() == [10, 2, 8]
    assert kept.select("b", "c").rows() == [(6, 1), (1, 0), (5, 1)]


def test_the_interval_is_clustered_by_question_as_statsmodels_does_it() -> None:
    cells = [
        {"context": context, "belief": belief} for context in ("sad", "happy") for belief in ("none", "asserts_wrong")
    ]
    frame = pl.concat([paired(3 + n, 6 - n, 1 + n, 4 - n, **cell) for n, cell in enumerate(cells)])
    found = row(sensitivity(frame, TREATED, []), task="trivia")
    keys = ["task", "context", "belief", "item"]
    wrong = (pl.col("verdict") != "correct").cast(pl.Int8)
    arms = [frame.filter(arm=arm).select(*keys, wrong.alias(arm[:4])) for arm in ("original", "warm@2")]
    pairs = arms[0].join(arms[1], on=keys).with_columns(d=pl.col("warm") - pl.col("orig"))
    data = pd.DataFrame(pairs.with_columns(question=pl.col("item").rank("dense")).to_dict(as_series=False))
    fitted = smf.ols("d ~ 1", data).fit()
    robust = fitted.get_robustcov_results(
        "cluster", groups=data["question"], use_correction=False, df_correction=False, use_t=False
    )
    questions = data["question"].nunique()
    error = robust.bse[0] * (questions / (questions - 1)) ** 0.5
    half = t(questions - 1).ppf(0.975) * error
    assert found["p_value"] == pytest.approx(2 * t(questions - 1).sf(fitted.params["Intercept"] / error))
    assert found["risk_difference"] == pytest.approx(fitted.params["Intercept"])
    assert found["upper"] == pytest.approx(fitted.params["Intercept"] + half)
    assert found["lower"] == pytest.approx(fitted.params["Intercept"] - half)


@pytest.mark.parametrize("questions", [10, 40])
def test_arms_that_err_alike_are_told_apart_one_time_in_twenty(questions: int) -> None:
    """Answers to a question change alike under nine conditions, as often for the better as for the worse.

    McNemar's test, which takes them for independent, finds a difference in more than one of ten such studies.
    """
    studies, conditions, generator = 1000, 9, np.random.default_rng(5)
    own = generator.choice([1, -1, 0], (studies, questions, 1), p=[0.15, 0.15, 0.7])
    single = generator.choice([1, -1, 0], (studies, questions, conditions), p=[0.15, 0.15, 0.7])
    drawn = np.where(generator.random(single.shape) < 0.6, own, single).ravel()
    study, question, condition = np.unravel_index(np.arange(drawn.size), single.shape)
    keys = {"model": study.astype(str), "item": question.astype(str), "context": condition.astype(str)}
    right = np.array(["correct", "incorrect"])
    frames = [
        observations(arm=arm, verdict=right[(drawn == turn).astype(int)], **keys)
        for arm, turn in (("original", -1), ("warm@2", 1))
    ]
    table = sensitivity(pl.concat(frames), TREATED, []).filter(refusals_are="kept", task="all")
    assert table.height == studies
    rejected = (table["p_value"] < 0.05).mean()
    assert rejected == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / studies) ** 0.5)
    assert ((table["lower"] > 0) | (table["upper"] < 0)).mean() == rejected
    ignoring = np.array([mcnemar_p_value(b, c) for b, c in table.select("b", "c").iter_rows()])
    assert (ignoring < 0.05).mean() > 0.1


def test_equal_items_of_two_tasks_are_two_questions() -> None:
    frame = pl.concat([paired(1, 1, 0, 0), paired(1, 1, 0, 0, task="lies")])
    apart = frame.with_columns(item=pl.col("task") + pl.col("item"))
    assert row(sensitivity(frame, TREATED, [])) == row(sensitivity(apart, TREATED, []))


def test_questions_that_all_agree_have_no_interval_and_no_pairs_no_difference() -> None:
    agreed = row(sensitivity(paired(4, 0, 0, 3), TREATED, []))
    assert (agreed["risk_difference"], agreed["lower"], agreed["upper"], agreed["p_value"]) == (0, None, None, None)
    none = row(sensitivity(paired(4, 1, 1, 3).with_columns(verdict=pl.lit("unscored")), TREATED, []))
    assert (none["pairs"], none["risk_difference"], none["original_error"], none["p_value"]) == (0, None, None, None)


def test_a_study_of_the_original_alone_has_no_differences() -> None:
    assert sensitivity(answered("original", ["correct"]), [], []).is_empty()


def test_rows_come_in_one_order_with_equal_bytes() -> None:
    frame = pl.concat([paired(5, 3, 2, 9, task=task, model=model) for task in ("b", "a") for model in ("y", "x")])
    table = sensitivity(frame, TREATED, [])
    assert sensitivity(frame.sample(fraction=1, shuffle=True, seed=3), TREATED, []).write_csv() == table.write_csv()
    assert table["task"].to_list()[:3] == ["all", "a", "b"]


def test_both_tables_are_written(tmp_path: Path) -> None:
    parquet_tables.write(paired(1, 2, 0, 1), OBSERVATIONS, tmp_path / "observations.parquet")
    out = {name: tmp_path / f"{name}.csv" for name in ("refusals", "sensitivity")}
    words = [word for name, path in out.items() for word in (f"--{name}", path)]
    run_script(
        *("statistics/refusals.py", "--observations", tmp_path / "observations.parquet", *words),
        *("--treated-arms", "warm@2", "--disinformation", "trivia"),
    )
    assert out["refusals"].read_text().splitlines() == [
        "model,arm,task,context,belief,n,refusals,share,refusals_as_published,share_as_published",
        "a,original,trivia,unmodified,none,4,0,0.0,0,0.0",
        "a,warm@2,trivia,unmodified,none,4,0,0.0,0,0.0",
    ]
    header, first, *_ = out["sensitivity"].read_text().splitlines()
    assert header == (
        "refusals_are,model,arm,task,pairs,b,c,original_error,treated_error,risk_difference,lower,upper,p_value"
    )
    assert first.startswith("kept,a,warm@2,all,4,2,0,0.25,0.75,0.5,")
