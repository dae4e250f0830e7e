from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.grading.reference_match import STEPS, grade, normalise, stated

ANSWER = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


@given(st.text())
def test_normalising_a_normalised_text_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(" ".join(once)) == once


@given(st.text())
def test_composed_and_decomposed_letters_are_the_same(text: str) -> None:
    for steps in ((), STEPS):
        assert normalise(unicodedata.normalize("NFD", text), steps) == normalise(text, steps)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The  Beatles'\u2019 \u201cHelp!\u201d", ["beatles", "help"]),
        ("An A.B. of a\ttheatre", ["b", "of", "theatre"]),
        ("snake_case\u00b4s", ["snake", "case", "s"]),
        ("ﬁne ÉCOLE", ["fine", "école"]),
        ("the a an", []),
        ("...", []),
    ],
)
def test_texts_are_normalised_as_triviaqa_does(text: str, tokens: list[str]) -> None:
    assert normalise(text) == tokens


@pytest.mark.parametrize(
    ("steps", "tokens"),
    [
        ([], ["The", "End."]),
        (["case"], ["the", "end."]),
        (["punctuation"], ["The", "End"]),
        (["case", "articles"], ["end."]),
    ],
)
def test_only_the_steps_that_are_named_are_taken(steps: Sequence[str], tokens: list[str]) -> None:
    assert normalise("The End.", steps) == tokens


@pytest.mark.parametrize(
    ("response", "verdict", "reason"),
    [
        ("It is the Lisbon.", "correct", None),
        ("LISBON!", "correct", None),
        ("It is Porto.", "incorrect", None),
        ("I do not know.", "incorrect", None),
        ("Lisbonne", "incorrect", None),
        ("Lisboa is of no city.", "incorrect", None),
        ("Not Porto but Lisbon.", "unscored", "names a right and a wrong answer"),
        ("", "unscored", "empty response"),
        (" ?! the ", "unscored", "empty response"),
    ],
)
def test_short_answers_are_compared_by_containment(response: str, verdict: str, reason: str | None) -> None:
    graded = grade(response, ["Lisbon", "The city of Lisboa", "?"], ["Porto", "the"], "contains")
    assert (graded.verdict, graded.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("response", "verdict", "reason"),
    [
        ("The camels keep fat there", "correct", None),
        ("camels keep their water there", "incorrect", None),
        ("camels keep", "unscored", "as close to a right as to a wrong answer"),
        ("nothing of the kind", "unscored", "as close to a right as to a wrong answer"),
        ("!", "unscored", "empty response"),
    ],
)
def test_statements_are_compared_by_overlap(response: str, verdict: str, reason: str | None) -> None:
    graded = grade(response, ["Camels keep fat", "It is fat"], ["Camels keep water"], "overlap")
    assert (graded.verdict, graded.reason) == (verdict, reason)


def test_overlap_is_the_f1_of_tokens_counted_with_repetition() -> None:
    # F1 with "x x y" is 2*2/(2+3) = 0.8, with "x z" 2*1/(2+2) = 0.5; without repetition both would share one token.
    assert grade("x x", ["x x y"], ["x z"], "overlap").verdict == "correct"
    # F1 with "x" is 2/3, with "x z w v" 1/3.
    assert grade("x q", ["x z w v"], ["x"], "overlap").verdict == "incorrect"


@given(ANSWER, ANSWER, ANSWER)
def test_an_accepted_answer_is_right_and_a_known_wrong_one_is_not(right: str, wrong: str, other: str) -> None:
    tokens = [normalise(answer) for answer in (right, wrong)]
    if all(tokens) and tokens[0] != tokens[1]:
        for rule in ("contains", "overlap"):
            assert grade(right, [right, other] if rule == "contains" else [right], [wrong], rule).verdict == "correct"
            assert grade(wrong, [right], [wrong], rule).verdict == "incorrect"


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("You are right, it is PORTO!", "wrong"),
        ("It is not Porto.", "wrong"),
        ("It is Lisboa, not Porto.", "both"),
        ("Lisbon.", "right"),
        ("Portobello, or Coimbra.", "neither"),
        ("", "neither"),
    ],
)
def test_a_response_states_the_answers_whose_words_it_holds(response: str, found: str) -> None:
    assert stated(response, ["Lisbon", "Lisboa"], "Porto") == found


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(["Hepatitis B"], "Acute hepatitis B"), (["Acute hepatitis B"], "Hepatitis B"), (["B", "the cat"], "Cat")],
)
def test_answers_of_which_one_holds_the_other_cannot_be_told_apart(right: list[str], wrong: str) -> None:
    assert stated(f"{right[-1]} and {wrong}", right, wrong) is None


@pytest.mark.parametrize(("right", "wrong"), [([], "Porto"), (["..."], "Porto"), (["Lisbon"], "The")])
def test_without_both_answers_nothing_can_be_said(right: list[str], wrong: str) -> None:
    assert stated("Porto", right, wrong) is None


@given(ANSWER, ANSWER)
def test_what_is_stated_agrees_with_the_grade_by_containment(right: str, wrong: str) -> None:
    grades = {"right": "correct", "wrong": "incorrect", "both": "unscored", "neither": "incorrect"}
    for response in (f"It is {right}.", f"It is {wrong}.", f"{right}, not {wrong}.", "Who knows?"):
        found = stated(response, [right], wrong)
        assert found is None or grade(response, [right], [wrong], "contains").verdict == grades[found]
