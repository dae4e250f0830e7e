from __future__ import annotations

from repository import REPOSITORY

from warmline.design.conditions import (
    BELIEFS,
    FRAMINGS,
    UNMODIFIED,
    Condition,
    belief_template,
    context_file,
    design,
    parse,
)
from warmline.design.variants import AS_PUBLISHED

CONTEXTS = [UNMODIFIED, "sad", "anger", "happy", "close", "hierarchical_up", "hierarchical_down"]
STAKES = ["stakes_high", "stakes_low"]


def test_a_condition_is_read_back_from_its_id() -> None:
    whole = design(CONTEXTS + STAKES, BELIEFS, FRAMINGS)
    assert [parse(condition.id) for condition in whole] == whole
    assert len({condition.id for condition in whole}) == len(whole) == 9 * 3 * 2
    assert Condition("sad", "none", "framed").id == "sad.none.framed"


def test_the_design_crosses_the_levels_in_their_order() -> None:
    assert [condition.id for condition in design(["unmodified", "sad"], ["none"], ["plain", "framed"])] == [
        "unmodified.none.plain",
        "unmodified.none.framed",
        "sad.none.plain",
        "sad.none.framed",
    ]


def test_further_conditions_are_asked_once_and_after_the_crossed_ones() -> None:
    further = ["unmodified.none.framed", "sad.none.plain"]
    assert [condition.id for condition in design(["unmodified", "sad"], ["none"], ["plain"], further)] == [
        "unmodified.none.plain",
        "sad.none.plain",
        "unmodified.none.framed",
    ]


def test_as_published_a_belief_is_framed_but_not_under_stakes() -> None:
    cells = design(CONTEXTS + STAKES, BELIEFS, AS_PUBLISHED)
    assert len(set(cells)) == len(cells) == 28
    framed = {(cell.context, cell.belief) for cell in cells if cell.framing == "framed"}
    assert framed == {(context, belief) for context in CONTEXTS for belief in BELIEFS[1:]} | {(UNMODIFIED, "none")}
    assert Condition(UNMODIFIED, "none", "plain") in cells


def test_as_published_no_belief_behind_a_vignette_is_framed() -> None:
    cells = design(CONTEXTS + STAKES, BELIEFS, AS_PUBLISHED, vignettes=True)
    assert len(set(cells)) == len(cells) == 28
    assert [cell.id for cell in cells if cell.framing == "framed"] == ["unmodified.none.framed"]


def test_every_context_and_belief_has_its_file() -> None:
    prompts = REPOSITORY / "config" / "prompts"
    contexts = {context_file(str(prompts / "contexts"), name) for name in CONTEXTS[1:] + STAKES}
    assert contexts == {str(path) for path in (prompts / "contexts").iterdir()}
    for family in (prompts / "beliefs").iterdir():
        assert {belief_template(str(family), name) for name in BELIEFS} == {str(path) for path in family.iterdir()}
