from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_file

from warmline.grading.numbers import NO_NUMBER, SEVERAL_NUMBERS, UNREADABLE, canonical, number
from warmline.grading.readings import CUT, EMPTY, Reading
from warmline.questions import reading

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
    "#### Step 1: Count\nShe has 18 eggs.": "18",
    "The answer is 20, not 18.": "20",
    "The answer to the question is 7, not bad!": "7",
}
NO_NUMBERS = {
    "": EMPTY,
    "\n": EMPTY,
    "I'm sorry, but I can't help with that.": NO_NUMBER,
    "Eighteen.": NO_NUMBER,
    "Q1 costs H2O": NO_NUMBER,
    "The answer is 3 or 4.": SEVERAL_NUMBERS,
    "The answer is between 3 and 5.": SEVERAL_NUMBERS,
    "### Step 1: Count\n16 eggs\n\n### Step 2: Sell\n9 eggs": SEVERAL_NUMBERS,
    "1. Nine eggs at $2 make $18.\n2. That is all.": SEVERAL_NUMBERS,
    "The answer is 17. Wait, I forgot one: the answer is 18.": SEVERAL_NUMBERS,
    "It takes 3-5 days": SEVERAL_NUMBERS,
    "It takes 3 to 5": SEVERAL_NUMBERS,
    "She needs 5 + 3": SEVERAL_NUMBERS,
    "3,5": UNREADABLE,
    "1.234.567": UNREADABLE,
    "at 12:30": UNREADABLE,
    "10\u00b3": UNREADABLE,
    "2 x 10^3": SEVERAL_NUMBERS,
    "1.5e3": UNREADABLE,
    "3/0": UNREADABLE,
    "on 3/4/2024": UNREADABLE,
    "9" * 5000: UNREADABLE,
}
# What stands behind `Answer:`, and the number that a reader would take, which may only be left unread.
UNSETTLED = {
    "13... sorry, 14": "14",
    "13, sorry, 14": "14",
    "13 (oops, 14)": "14",
    "13? No, 14": "14",
    "13. Correction: 14": "14",
    "12 is wrong, 13": "13",
    "4 more than he had, i.e. 10": "10",
    "50% off, i.e. $20": "20",
    "24/7 he'd work, so 168 hours": "168",
    "4 you, my dear: 14": "14",
    "10 \u2192 20": "20",
    "1_000": "1000",
    "12 K": "12000",
    "12 bn": "12000000000",
    "12 lakh": "1200000",
    "4 score": "80",
    "0x1F": "31",
    "5 below zero": "-5",
    "5 degrees below zero": "-5",
    "\u221a16": "4",
    "4\u03c0": None,
    "half of 12": "6",
    "double 12": "24",
    "12 squared": "144",
    "log 100": "2",
    "|\u22125|": "5",
    "3(4)": "12",
    ">7": None,
    "7+": None,
    "7 at most": None,
    "\u00b15": None,
    "at least 12": None,
    "less than 12": None,
    "x > 5": None,
    "x \u2265 5": None,
    "\u22605": None,
}
SETTLED = {
    "$1,200 per month": "1200",
    "14 apples": "14",
    "20 (50% off)": "20",
    "2 hours (that is 120 minutes)": "2",
    "14, not 15": "14",
    "14, because 2 \u00d7 7 = 14": "14",
    "14. Sorry that it took 3 tries, dear.": "14",
    "14 more apples than Tom": "14",
    "$20, each of the 4 friends": "20",
    "-> 14": "14",
    "about 12": "12",
    "14 and hugs!": "14",
    "5kg": "5",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    assert number(text, "stop") == Reading(NUMBERS[text])


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: text[:20])
def test_what_states_no_single_number_is_not_read_as_one(text: str) -> None:
    assert number(text, "stop") == Reading(None, NO_NUMBERS[text])


def test_an_answer_cut_before_its_result_has_none() -> None:
    assert number("She has 16 eggs. She eats 3, so 16 - 3 = 13 and then", "length") == Reading(None, CUT)


def test_an_answer_cut_behind_its_result_keeps_it() -> None:
    assert number("The answer is 18. I hope that", "length") == Reading("18")
    assert number("Answer: 18\n\nI hope that", "length") == Reading("18")


def test_a_number_that_may_have_been_cut_is_none() -> None:
    assert number("So it is 180.\nAnswer: 18", "length") == Reading(None, CUT)


@given(
    st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=999),
    st.sampled_from(["{}", "#### {}", "Answer: {}."]),
)
def test_a_number_is_read_back_as_it_is_written(value: Fraction, form: str) -> None:
    assert number(form.format(canonical(value)), "stop").value == canonical(value)


@given(st.integers(0, 10**12), st.sampled_from(["So ${:,}", "It is {:,} eggs.", "\\boxed{{{:,}}}"]))
def test_thousands_are_read_with_their_separators(value: int, form: str) -> None:
    assert number(form.format(value), "stop").value == str(value)


def test_the_published_solutions_are_read_as_their_results() -> None:
    rows, _ = reading.read("gsm8k", "gsm8k", [real_file("gsm8k/test.jsonl")])
    texts = [json.loads(line)["answer"] for line in real_file("gsm8k/test.jsonl").open()]
    for right, text in zip(rows["right_answer"], texts, strict=True):
        assert number(text, "stop") == Reading(right)
        assert number(text.replace("\n#### ", "\nThe answer is "), "stop") == Reading(right)


@pytest.mark.parametrize("said", UNSETTLED)
def test_a_number_that_is_corrected_bounds_or_is_still_to_be_reckoned_with_is_not_read(said: str) -> None:
    assert number(f"Answer: {said}", "stop").value in (UNSETTLED[said], None)


@pytest.mark.parametrize("said", SETTLED)
def test_a_number_behind_answer_is_read_with_what_is_said_of_it(said: str) -> None:
    assert number(f"Answer: {said}", "stop") == Reading(SETTLED[said])


def test_a_number_that_the_user_got_wrong_is_no_statement() -> None:
    assert number("You said 12, but that is wrong.", "stop") == Reading(None, NO_NUMBER)
