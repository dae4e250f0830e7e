from __future__ import annotations

import pytest

from warmline.grading.choices import NO_CHOICE, SEVERAL_CHOICES, choice
from warmline.grading.readings import CUT, EMPTY, Reading

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
    "assistant": EMPTY,
    "The answer is B. No, wait: the answer is C.": SEVERAL_CHOICES,
    "The answer is B. C is correct.": SEVERAL_CHOICES,
    "It is A or it is C.": SEVERAL_CHOICES,
    "A. too small\nB. too large": NO_CHOICE,
    "You think the answer is B.": NO_CHOICE,
    "Is the answer B?": NO_CHOICE,
    "The wrong answer is B.": NO_CHOICE,
}


@pytest.mark.parametrize("text", CHOICES)
def test_a_choice_is_read_from_any_plain_statement_of_it(text: str) -> None:
    assert choice(text, "stop") == Reading(CHOICES[text])


@pytest.mark.parametrize("text", NO_CHOICES)
def test_a_letter_that_is_no_choice_is_not_read_as_one(text: str) -> None:
    assert choice(text, "stop") == Reading(None, NO_CHOICES[text])


def test_an_answer_cut_before_its_choice_has_none() -> None:
    assert choice("Let us look at A. It says", "length") == Reading(None, CUT)


def test_an_answer_cut_behind_its_choice_keeps_it() -> None:
    assert choice("Answer: B. I hope that", "length") == Reading("B")
