"""Two one-sided tests: an arm is equivalent only where both sides of the margin are excluded."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import observations, paired
from statsmodels.stats.weightstats import ttost_paired

from warmline.statistics.capability_rates import rates
from warmline.statistics.equivalence import equivalence
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
def test_one_answer_to_each_question_gives_the_paired_t_tests(counts: tuple[int, ...], margin: float) -> None:
    both, b, c, neither = counts
    frame = paired(*counts)
    row = only(equivalence(frame, NONE, ["warm@2"], margin), task="trivia") if sum(counts) else None
    if row is None or sum(counts) < 2 or max(both + neither, b, c) == sum(counts):
        assert row is None or (row["p_value"], row["verdict"]) == (None, "inconclusive")
        return
    treated = 100.0 * np.array([0] * both + [1] * b + [0] * c + [1] * neither)
    original = 100.0 * np.array([0] * both + [0] * b + [1] * c + [1] * neither)
    expected, *_ = ttost_paired(treated, original, -margin, margin)
    assert row["p_value"] == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert row["difference"] == pytest.approx(100 * (b - c) / sum(counts))
    assert (-margin < row["lower"] and row["upper"] < margin) == (row["p_value"] < 0.05)


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
    # Bonett and Price's error by hand: sqrt((2 / 522) / 522).
    half = 1.6448536 * 100 * 2**0.5 / 522
    assert (many["lower"], many["upper"]) == pytest.approx((-half, half), rel=1e-6)


def test_the_test_of_a_difference_is_the_one_of_the_table_of_capabilities() -> None:
    frame = measured(50, 1, 9, 40)
    row = only(equivalence(observations(), frame, ["warm@2"], 5), measure="choice")
    assert row["p_value_difference"] == only(rates(frame), arm="warm@2")["p_value"]
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
