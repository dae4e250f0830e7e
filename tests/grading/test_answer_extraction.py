from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_file

from warmline.grading.answer_extraction import (
    CUT,
    EMPTY,
    NO_CHOICE,
    NO_NUMBER,
    SEVERAL_CHOICES,
    SEVERAL_NUMBERS,
    UNREADABLE,
    Reading,
    canonical,
    choice,
    number,
)
from warmline.questions import reading

CHOICES = {
    "B": "B",
    " (c) ": "C",
    "b": "B",
    "D.": "D",
    "**B**": "B",
    "\uff22": "B",
    "The answer is (B).": "B",
    "the answer is b": "B",
    "The answer is B because heat rises.": "B",
    "The answer is A because heat rises.": "A",
    "**Answer: C**": "C",
    "Answer:\n\nC": "C",
    "**Answer:** D) the Moon": "D",
    "Answer: $B$": "B",
    "My final answer would be option D!": "D",
    "The correct choice is: \u201cC\u201d": "C",
    "The answer to this question is therefore A.": "A",
    "\\boxed{C}": "C",
    "So we get $\\boxed{\\text{B}}$.": "B",
    "\\boxed{\\textbf{(D) } 12}": "D",
    "B) Canberra": "B",
    "B. Canberra is the capital, although Sydney is larger.": "B",
    "assistant\n\nC": "C",
    "assistant\n\nThe answer is C.": "C",
    "A lovely question! The answer is D \U0001f60a": "D",
    "Option B is correct, since A and C are too large.": "B",
    "(C) is the right answer.": "C",
    "I'd go with D, my friend.": "D",
    "I think it's B.": "B",
    "The answer is B. No, wait: the answer is C.": "C",
    "If the answer is A, nothing follows. So the answer is D.": "D",
    "I don't think the answer is B. I would choose A.": "A",
    "A. too small\nB. too large\nC. just right\n\nAnswer: C": "C",
    "A. too small\nB. too large\nC. just right\n\nC": "C",
}
NO_CHOICES = {
    "": EMPTY,
    " \n ": EMPTY,
    "B or C": SEVERAL_CHOICES,
    "The answer is B or C.": SEVERAL_CHOICES,
    "Answer: A, B and D": SEVERAL_CHOICES,
    "The answer is either (A) or (D).": SEVERAL_CHOICES,
    "\\boxed{A, B}": SEVERAL_CHOICES,
    "A. too small\nB. too large": SEVERAL_CHOICES,
    "A common mistake is to forget the sign.": NO_CHOICE,
    "The answer is a matter of taste.": NO_CHOICE,
    "The answer is A matter of taste.": NO_CHOICE,
    "Scurvy comes from too little vitamin C.": NO_CHOICE,
    "It is C. difficile that spreads there.": NO_CHOICE,
    "The answer is B-cell lymphoma.": NO_CHOICE,
    "I don't think the answer is B.": NO_CHOICE,
    "I'm sorry, but I can't help with that.": NO_CHOICE,
    "Canberra": NO_CHOICE,
    "The answer is E.": NO_CHOICE,
    "assistant": NO_CHOICE,
}


@pytest.mark.parametrize("text", CHOICES)
def test_a_choice_is_read_from_any_plain_statement_of_it(text: str) -> None:
    assert choice(text, "stop") == Reading(CHOICES[text])


@pytest.mark.parametrize("text", NO_CHOICES)
def test_a_letter_that_is_no_choice_is_not_read_as_one(text: str) -> None:
    assert choice(text, "stop") == Reading(None, NO_CHOICES[text])


NUMBERS = {
    "42": "42",
    "#### 42": "42",
    "She has 16 - 3 - 4 = 9 eggs.\n#### $18": "18",
    "$1,234.50": "1234.5",
    "= 18 eggs": "18",
    "The answer is 18.": "18",
    "The answer is **18**.": "18",
    "**Answer:** 18 dollars": "18",
    "Answer:\n18": "18",
    "The answer is 5 + 3 = 8.": "8",
    "The answer is that she makes $18 every day at the market.": "18",
    "\uff11\uff18": "18",
    "\u0664\u0662": "42",
    "\u22125": "-5",
    "The change is -$5.": "-5",
    "He owes $-5": "-5",
    "16-3-4=9": "9",
    "25%": "25",
    "It is 25\\%.": "25",
    "3/4": "0.75",
    "\\frac{1}{3} of the cake": "1/3",
    "2 1/2 hours": "2.5",
    "2\u00bd hours": "2.5",
    "\\boxed{18}": "18",
    "Thus \\[\\boxed{1{,}800\\text{ m}}\\]": "1800",
    "1\u202f234\u202f567 people": "1234567",
    "1.5 million": "1500000",
    ".5": "0.5",
    "... so it is 18...": "18",
    "18.00": "18",
    "18 cm\u00b2": "18",
    "Tom sells 12 apples and 6 pears, so he sells 18.": "18",
    "assistant\n\nThe total is 18.": "18",
    "What a kind thing to do! She makes $18 a day \U0001f60a": "18",
    "1. She has 16 eggs.\n2. She sells 9.\n3. So she makes $18.": "18",
    "### Step 1: Count\n16 eggs\n\n### Step 2: Sell\n9 eggs": "9",
    "#### Step 1: Count\nShe has 18 eggs.": "18",
    "1. Nine eggs at $2 make $18.\n2. That is all.": "18",
    "The answer is 17. Wait, I forgot one: the answer is 18.": "18",
}
NO_NUMBERS = {
    "": EMPTY,
    "\n": EMPTY,
    "I'm sorry, but I can't help with that.": NO_NUMBER,
    "Eighteen.": NO_NUMBER,
    "Q1 costs H2O": NO_NUMBER,
    "The answer is 3 or 4.": SEVERAL_NUMBERS,
    "The answer is between 3 and 5.": SEVERAL_NUMBERS,
    "The answer is 20, not 18.": SEVERAL_NUMBERS,
    "The answer to the question is 7, not bad!": SEVERAL_NUMBERS,
    "It takes 3-5 days": SEVERAL_NUMBERS,
    "It takes 3 to 5": SEVERAL_NUMBERS,
    "She needs 5 + 3": SEVERAL_NUMBERS,
    "3,5": UNREADABLE,
    "1.234.567": UNREADABLE,
    "at 12:30": UNREADABLE,
    "10\u00b3": UNREADABLE,
    "2 x 10^3": UNREADABLE,
    "1.5e3": UNREADABLE,
    "3/0": UNREADABLE,
    "on 3/4/2024": UNREADABLE,
    "9" * 5000: UNREADABLE,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    assert number(text, "stop") == Reading(NUMBERS[text])


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: text[:20])
def test_what_states_no_single_number_is_not_read_as_one(text: str) -> None:
    assert number(text, "stop") == Reading(None, NO_NUMBERS[text])


def test_an_answer_cut_before_its_result_has_none() -> None:
    steps = "She has 16 eggs. She eats 3, so 16 - 3 = 13 and then"
    assert number(steps, "length") == Reading(None, CUT)
    assert choice("Let us look at A. It says", "length") == Reading(None, CUT)


def test_an_answer_cut_behind_its_result_keeps_it() -> None:
    assert number("The answer is 18. I hope that", "length") == Reading("18")
    assert choice("Answer: B. I hope that", "length") == Reading("B")


@given(st.text(st.sampled_from("ABCDabc .,()[]{}\n*:#-$/^=0189\\ ornotasw") | st.characters(), max_size=60))
def test_any_text_gives_a_reading_or_a_reason(text: str) -> None:
    for read in (choice(text, "stop"), number(text, "stop")):
        assert (read.value is None) != (read.reason is None)


@given(
    st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=999),
    st.sampled_from(["{}", "#### {}", "Answer: {}."]),
)
def test_a_number_is_read_back_as_it_is_written(value: Fraction, form: str) -> None:
    assert number(form.format(canonical(value)), "stop").value == canonical(value)


@given(st.integers(0, 10**12), st.sampled_from(["So ${:,}", "It is {:,} eggs.", "\\boxed{{{:,}}}"]))
def test_thousands_are_read_with_their_separators(value: int, form: str) -> None:
    assert number(form.format(value), "stop").value == str(value)


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
    ],
)
def test_a_hostile_answer_is_read_in_passable_time(text: str) -> None:
    assert choice(text, "stop").value is None
    number(text, "stop")


def test_the_published_solutions_are_read_as_their_results() -> None:
    rows, _ = reading.read("gsm8k", "gsm8k", [real_file("gsm8k/test.jsonl")])
    texts = [json.loads(line)["answer"] for line in real_file("gsm8k/test.jsonl").open()]
    for right, text in zip(rows["right_answer"], texts, strict=True):
        assert number(text, "stop") == Reading(right)
        assert number(text.replace("\n#### ", "\nThe answer is "), "stop") == Reading(right)
