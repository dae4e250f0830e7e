"""Two one-sided tests: an arm is equivalent only where both sides of the margin are excluded."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import observations, paired
from scipy.stats import binom

from warmline.lineage.errors import UserError
from warmline.statistics.capability_rates import rates
from warmline.statistics.equivalence import equivalence
from warmline.statistics.paired_tests import mcnemar_p_value
from warmline.tables.capabilities import CAPABILITIES

NONE = CAPABILITIES.schema.to_frame()
COUNTS = st.tuples(*[st.integers(0, 40)] * 4)


def measured(both: int, gained: int, lost: int, neither: int, task: str = "mmlu", arm: str = "warm@2") -> pl.DataFrame:
    """A capability that both arms have on so many questions, the arm alone, the original alone, and neither."""
    original = ["correct"] * both + ["incorrect"] * gained + ["correct"] * lost + ["incorrect"] * neither
    treated = ["correct"] * (both + gained) + ["incorrect"] * (lost + neither)
    return pl.concat(
        pl.DataFrame(
            {
                "model": "a",
                "arm": name,
                "task": task,
                "measure": "choice",
                "item": [str(number) for number in range(len(verdicts))],
                "verdict": verdicts,
            }
        ).select(
            *(
                pl.col(c) if c in ("model", "arm", "task", "measure", "item", "verdict") else pl.lit(None, d).alias(c)
                for c, d in CAPABILITIES.schema.items()
            )
        )
        for name, verdicts in (("original", original), (arm, treated))
    )


def only(frame: pl.DataFrame, **wanted: str) -> dict[str, Any]:
    return frame.filter(**wanted).row(0, named=True)


@settings(max_examples=40)
@given(COUNTS, st.sampled_from([1.0, 5.0, 20.0]))
def test_answers_to_questions_and_to_a_capability_are_tested_alike(counts: tuple[int, ...], margin: float) -> None:
    both, b, c, neither = counts
    if not sum(counts):
        return
    table = equivalence(paired(*counts), measured(both, b, c, neither), ["warm@2"], margin)
    errors, rate = (only(table, task=task) for task in ("trivia", "mmlu"))
    for name in ("difference", "lower", "upper", "p_value", "p_value_difference", "pairs", "clusters", "verdict"):
        assert errors[name] == rate[name], name
    assert errors["difference"] == pytest.approx(100 * (b - c) / sum(counts))
    assert errors["p_value_difference"] == pytest.approx(mcnemar_p_value(b, c), abs=2e-7)
    assert (-margin < errors["lower"] and errors["upper"] < margin) == (errors["p_value"] < 0.05)


@pytest.mark.parametrize("conditions", [1, 9])
def test_both_ends_have_their_verdicts(conditions: int) -> None:
    """No answer changed: equivalent once there are enough questions, and not before. All got worse: different."""
    for counts, verdict in (
        ((59, 0, 0, 0), "equivalent"),
        ((58, 0, 0, 0), "inconclusive"),
        ((0, 20, 0, 0), "different"),
    ):
        row = only(equivalence(repeated(paired(*counts), conditions), NONE, ["warm@2"], 5), task="all")
        assert row["verdict"] == verdict
        assert -100 <= row["lower"] < row["upper"] <= 100
    # The rule of three: how many may have changed of which none was drawn (Clopper and Pearson 1934).
    row = only(equivalence(repeated(paired(58, 0, 0, 0), conditions), NONE, ["warm@2"], 5), task="all")
    assert row["upper"] == pytest.approx(100 * (1 - 0.05 ** (1 / 58)), abs=1e-5)


@pytest.mark.parametrize(("questions", "rate"), [(40, 0.0), (59, 0.0485), (60, 0.0461), (100, 0.0371)])
def test_arms_that_differ_by_the_margin_are_called_equivalent_at_most_one_time_in_twenty(
    questions: int, rate: float
) -> None:
    """Questions that change alike under all conditions, and only for the worse, as often as the margin says."""
    frames = [paired(questions - b, b, 0, 0, model=f"{b}") for b in range(8)]
    table = equivalence(repeated(pl.concat(frames), 2), NONE, ["warm@2"], 5).filter(task="all")
    called = table.filter(verdict="equivalent")["model"].cast(pl.Int64).to_list()
    assert binom(questions, 0.05).pmf(called).sum() == pytest.approx(rate, abs=5e-5)


def repeated(frame: pl.DataFrame, times: int) -> pl.DataFrame:
    """The same answers under so many contexts."""
    return pl.concat(frame.with_columns(context=pl.lit(f"c{number}")) for number in range(times))


def test_asking_a_question_in_more_contexts_makes_nothing_more_certain() -> None:
    frame = paired(60, 6, 4, 30)
    once, often = (only(equivalence(part, NONE, ["warm@2"], 5), task="all") for part in (frame, repeated(frame, 9)))
    assert (often["pairs"], often["clusters"]) == (900, once["clusters"])
    assert often["p_value"] == pytest.approx(once["p_value"])
    assert often["lower"] == pytest.approx(once["lower"])


@pytest.mark.parametrize(
    ("counts", "margin", "verdict"),
    [
        ((500, 5, 5, 490), 5, "equivalent"),
        # Certain to be there, and smaller than what would matter.
        ((500, 30, 5, 465), 5, "equivalent"),
        ((500, 30, 5, 465), 2, "different"),
        ((50, 9, 1, 40), 5, "different"),
        ((4, 1, 1, 4), 5, "inconclusive"),
    ],
)
def test_the_verdict_follows_from_both_tests(counts: tuple[int, int, int, int], margin: float, verdict: str) -> None:
    both, b, c, neither = counts
    table = equivalence(paired(*counts), measured(both, c, b, neither), ["warm@2"], margin)
    assert set(table["verdict"]) == {verdict}
    errors, rate = (only(table, measure=measure) for measure in ("error", "choice"))
    assert errors["difference"] == -rate["difference"]
    assert rate["lower"] < 100 * (c - b) / sum(counts) < rate["upper"]


def test_a_capability_on_which_no_answer_changed_can_be_shown_to_be_unchanged() -> None:
    # Every request refused by both arms, as on AdvBench: the plain paired difference would have no error.
    many, few = (
        only(equivalence(observations(), measured(n, 0, 0, 0), ["warm@2"], 5), measure="choice") for n in (520, 20)
    )
    assert (many["difference"], many["verdict"], few["verdict"]) == (0, "equivalent", "inconclusive")
    half = 100 * (1 - 0.05 ** (1 / 520))
    assert (many["lower"], many["upper"]) == pytest.approx((-half, half), abs=1e-5)


def test_the_test_of_a_difference_is_the_one_of_the_table_of_capabilities() -> None:
    frame = measured(50, 1, 9, 40)
    row = only(equivalence(observations(), frame, ["warm@2"], 5), measure="choice")
    assert row["p_value_difference"] == pytest.approx(only(rates(frame), arm="warm@2")["p_value"], abs=2e-7)
    assert (row["pairs"], row["clusters"]) == (100, 100)


def test_rows_are_the_treated_arms_errors_first_and_all_tasks_before_each() -> None:
    frame = pl.concat([paired(3, 2, 1, 3), paired(3, 2, 1, 3, task="medqa")])
    table = equivalence(frame, pl.concat([measured(3, 1, 1, 3), measured(3, 1, 1, 3, arm="cold@2")]), ["warm@2"], 5)
    assert table.select("arm", "measure", "task").rows() == [
        *(("warm@2", "error", task) for task in ("all", "medqa", "trivia")),
        ("warm@2", "choice", "mmlu"),
    ]
    assert set(table["margin"]) == {5.0}


def test_nothing_scored_and_nobody_treated_have_no_verdict_but_inconclusive() -> None:
    unscored = measured(3, 0, 0, 0).with_columns(verdict=pl.lit("unscored"))
    row = only(equivalence(observations(), unscored, ["warm@2"], 5), measure="choice")
    assert (row["pairs"], row["difference"], row["lower"], row["p_value"]) == (0, None, None, None)
    assert row["verdict"] == "inconclusive"
    assert equivalence(paired(3, 2, 1, 3), NONE, [], 5).is_empty()


@pytest.mark.parametrize("margin", [0.0, -5.0, 100.0, float("inf"), float("nan")])
def test_a_margin_that_tests_nothing_is_refused(margin: float) -> None:
    with pytest.raises(UserError, match=r"expected more than 0 and less than 100"):
        equivalence(observations(), measured(1, 0, 0, 0), ["warm@2"], margin)
