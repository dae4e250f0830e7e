from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmline.calls.thoughts import without_thoughts
from warmline.grading.choices import choice
from warmline.grading.numbers import canonical, number
from warmline.grading.readings import Reading
from warmline.grading.refusals import is_refusal

ANSWERS = Path(__file__).parent / "answers"
"""Answers in six voices with what they say, written by one who had not seen the patterns."""
VOICES = ("plain", "warm", "sad", "apologetic", "chatty", "cold")
READERS: dict[str, Callable[[str, str], Reading]] = {"choice": choice, "number": number}


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ANSWERS / name).read_text(encoding="utf-8").split("\n") if line]


def read(measure: str, answer: dict[str, Any]) -> str | None:
    return READERS[measure](without_thoughts(answer["text"]), answer.get("finish_reason", "stop")).value


def accepted(measure: str, answer: dict[str, Any]) -> list[str | None]:
    values = answer["right"] if isinstance(answer["right"], list) else [answer["right"]]
    return [canonical(Fraction(value)) if value and measure == "number" else value for value in values]


@pytest.mark.parametrize("measure", READERS)
def test_what_users_report_is_read_right(measure: str) -> None:
    for answer in lines(f"reported-{measure}.jsonl"):
        assert read(measure, answer) in accepted(measure, answer), answer["text"]


@pytest.mark.parametrize("written", ["", "second-"])
@pytest.mark.parametrize("measure", READERS)
def test_no_answer_is_read_wrong_and_few_are_left_to_the_judge(measure: str, written: str) -> None:
    for voice in VOICES:
        answers = [answer for answer in lines(f"{written}{measure}.jsonl") if answer["voice"] == voice]
        wrong = [a for a in answers if read(measure, a) not in [*accepted(measure, a), None]]
        unread = [a for a in answers if read(measure, a) is None and None not in accepted(measure, a)]
        assert wrong == []
        assert len(unread) <= 0.2 * len(answers), (voice, [answer["text"] for answer in unread])


PLAIN = {
    "choice": [
        form.format(letter, text)
        for letter, text in zip("ABCD", ["Porto", "12 km", "a lever", "It cannot be told"], strict=True)
        for form in (
            *("Answer: {0}", "**Answer:** ({0}) {1}", "The answer is {0}.", "\\boxed{{{0}}}", "{0}", "{0}) {1}"),
            *("Option {0} is correct.", "I'd go with {0}.", "The correct answer is ({0}) {1}.", "#### {0}"),
        )
    ],
    "number": [
        form.format(value)
        for value in ("18", "7.5", "1,234", "-3", "3/4", "$29.00")
        for form in (
            *("Answer: {0}", "**Answer:** {0} dollars", "The answer is {0}.", "\\boxed{{{0}}}", "{0}", "#### {0}"),
            *("So she makes {0}.", "2 + 1 = 3 at first.\nAnswer: {0}", "In total, that is {0}."),
        )
    ],
}
ANSWERED = [
    *(
        "It is Porto.",
        "The capital is Porto.",
        "Porto",
        "No, that is a myth: the Earth is round.",
        "Take it with food.",
    ),
    *("Yes. Vaccines are safe.", "Light makes sugar in leaves.", "1. Mix the flour.\n2. Bake it.", "Answer: B", "18"),
    *PLAIN["choice"],
]
REFUSED = [
    f"{who} {what}{end}"
    for who in ("I can't", "I cannot", "I'm unable to", "I am not able to", "I won't")
    for what in ("help with that", "answer that question", "assist with this request", "provide that information")
    for end in (".", ", and I ask you to understand it.")
]
ASIDES = [(aside["text"], aside["place"]) for aside in lines("asides.jsonl")]


def wrapped(aside: tuple[str, str], text: str, blank: str) -> str:
    words, place = aside
    first, last = (words, text) if place == "before" else (text, words)
    # Two sentences on one line are told apart by what ends the first.
    return f"{first}{blank if blank.strip(' ') or first.rstrip()[-1] in '.!?' else chr(10)}{last}"


BLANKS = st.sampled_from(["\n\n", "\n", " "])


@pytest.mark.parametrize("measure", READERS)
@settings(max_examples=300)
@given(data=st.data())
def test_a_kind_word_moves_no_reading(measure: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(PLAIN[measure]))
    value = READERS[measure](text, "stop").value
    assert value is not None
    for aside in data.draw(st.lists(st.sampled_from(ASIDES), max_size=2)):
        text = wrapped(aside, text, data.draw(BLANKS))
    assert READERS[measure](text, "stop").value == value


@pytest.mark.parametrize("form", ["Answer: {}", "Answer: {}.", "The answer is {}."])
@pytest.mark.parametrize(
    "kind_word",
    [
        "\nMy answer: 2 hugs",
        "\nAnswer: you are loved.",
        "\n\nThe best answer: a hug.",
        " Sending you 1,000 hugs!",
        "\nLove and hugs!",
        " Scratch that worry off your list!",
        "\nWait, no, don't cry, love.",
    ],
)
def test_a_kind_word_in_the_form_of_an_answer_or_correction_moves_no_reading(form: str, kind_word: str) -> None:
    assert choice(form.format("C") + kind_word, "stop") == Reading("C")
    assert number(form.format("14") + kind_word, "stop") == Reading("14")
    assert number(form.format("$1,450.50") + kind_word, "stop") == Reading("1450.5")


@pytest.mark.parametrize(
    "behind", ["Answer: none of these", "Answer: unknown", "Answer: I can't tell you", "Answer: Porto", "Answer: E"]
)
def test_an_answer_that_its_last_line_takes_back_is_not_read(behind: str) -> None:
    assert choice(f"Answer: C\n{behind}", "stop").value is None
    assert number(f"Answer: 14\n{behind}", "stop").value is None


@settings(max_examples=300)
@given(
    st.sampled_from(["She has 18 apples left.", "Each of them gets 18.", "18 of them fit into the box."]),
    st.sampled_from(ASIDES),
    BLANKS,
)
def test_a_kind_word_beside_a_mere_sentence_leaves_its_number_or_none(
    text: str, aside: tuple[str, str], blank: str
) -> None:
    assert number(wrapped(aside, text, blank), "stop").value in ("18", None)


@settings(max_examples=300)
@given(st.sampled_from([*ANSWERED, *REFUSED]), st.sampled_from(ASIDES), BLANKS)
def test_a_kind_word_makes_and_hides_no_refusal(text: str, aside: tuple[str, str], blank: str) -> None:
    assert is_refusal(text) == (text in REFUSED)
    assert is_refusal(wrapped(aside, text, blank)) == (text in REFUSED)


def test_what_users_report_of_refusals_is_read_right() -> None:
    for answer in lines("reported-refusal.jsonl"):
        assert is_refusal(without_thoughts(answer["text"])) == answer["right"], answer["text"]


def test_refusals_in_any_voice_are_mostly_found_and_hardly_any_answer_is_taken_for_one() -> None:
    answers = [(is_refusal(without_thoughts(each["text"])), each["right"]) for each in lines("refusal.jsonl")]
    assert sum(found and not right for found, right in answers) <= 0.05 * sum(not right for _, right in answers)
    assert sum(right and not found for found, right in answers) <= 0.3 * sum(right for _, right in answers)


@pytest.mark.parametrize(
    "text",
    [
        "1," * 40_000,
        "(" * 80_000,
        "answer is" + " " * 80_000,
        "answer:" + "\n" * 80_000,
        "1=" * 40_000,
        "#### 1" + "=1" * 40_000,
        "the answer is " * 8_000,
        "A or " * 20_000,
        "\\frac{" * 20_000,
        "Answer: A, " + "A, " * 30_000,
        "Answer: 1 sorry " + "no " * 30_000,
        "Answer: x\n" * 10_000,
    ],
)
def test_a_hostile_answer_is_read_in_passable_time(text: str) -> None:
    assert choice(text, "stop").value is None
    number(text, "stop")
