from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.design.arms import ArmName, parse, tuned
from warmline.lineage.errors import UserError

PERSONAS = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)


@given(PERSONAS, st.integers(1, 800).map(lambda eighths: eighths / 8))
def test_names_are_read_back(persona: str, epoch: float) -> None:
    assert parse(tuned(persona, epoch)) == ArmName(persona, epoch)
    assert parse(f"{persona}-prompt") == ArmName(persona, None)
    assert parse(f"{persona}@plateau") == ArmName(persona, None, by_rule=True)


def test_whole_epochs_are_named_without_a_point() -> None:
    assert (tuned("warm", 2.0), tuned("warm", 0.5)) == ("warm@2", "warm@0.5")


def test_the_original_has_no_persona() -> None:
    assert parse("original") == ArmName(None, None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Original",
        "warm",
        "warm@",
        "@2",
        "warm@two",
        "warm@-1",
        "warm@2 ",
        "Warm@2",
        "a-prompt@2",
        "-prompt",
        "a-prompt@plateau",
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(
        UserError, match=r"is no arm\. Expected original, <persona>@<epoch>, <persona>@plateau or <pers"
    ):
        parse(name)
