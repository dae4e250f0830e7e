from __future__ import annotations

import polars as pl
import pytest
from observed import observations

from warmline.lineage.errors import UserError
from warmline.statistics.refusal_treatments import TREATMENTS, with_refusals

# A refusal by both rules, by the better one only, by the published one only, and by neither.
BOTH = [True, True, False, False]
PUBLISHED = [True, False, True, False]
JUDGED = ["incorrect", "unscored", "incorrect", "correct"]
REASONS = [None, "no verdict", None, None]


def answers(task: str = "trivia") -> pl.DataFrame:
    return observations(
        task=task,
        item=["1", "2", "3", "4"],
        refusal=BOTH,
        refusal_as_published=PUBLISHED,
        verdict=JUDGED,
        reason=REASONS,
    )


@pytest.mark.parametrize(
    ("treatment", "task", "verdicts", "reasons"),
    [
        ("kept", "trivia", JUDGED, REASONS),
        ("excluded", "trivia", ["unscored", "unscored", "incorrect", "correct"], ["refusal", "refusal", None, None]),
        ("counted_correct", "trivia", ["correct", "correct", "incorrect", "correct"], [None] * 4),
        ("counted_incorrect", "trivia", ["incorrect", "incorrect", "incorrect", "correct"], [None] * 4),
        (
            "as_published",
            "trivia",
            ["unscored", "unscored", "unscored", "correct"],
            ["refusal", "no verdict", "refusal", None],
        ),
        ("as_published", "lies", ["correct", "unscored", "correct", "correct"], [None, "no verdict", None, None]),
    ],
)
def test_a_treatment_decides_the_verdicts_on_refusals_and_on_no_other_answer(
    treatment: str, task: str, verdicts: list[str], reasons: list[str | None]
) -> None:
    treated = with_refusals(answers(task), treatment, disinformation=["lies"])
    assert treated["verdict"].to_list() == verdicts
    assert treated["reason"].to_list() == reasons
    untouched = treated.drop("verdict", "reason")
    assert untouched.equals(answers(task).drop("verdict", "reason"))
    assert treated.schema == answers().schema


def test_refusals_are_kept_as_judged_unless_told_otherwise() -> None:
    assert with_refusals(answers()).equals(answers())
    assert TREATMENTS[0] == "kept"


def test_an_unknown_treatment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'dropped' is no treatment of refusals\. Expected one of kept, excluded,"):
        with_refusals(answers(), "dropped")
