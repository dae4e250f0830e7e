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
# The last line names the letter that a reader would take, which may only be left unread.
UNSETTLED = {
    "Answer: A is wrong. B is right.": "B",
    "Answer: C is not correct; D is": "D",
    "Answer: A is incorrect, so B": "B",
    "Answer: A isn't right, C is": "C",
    "Answer: D, no, C": "C",
    "Answer: D? No. B.": "B",
    "Answer: B. Actually, D.": "D",
    "Answer: B -> corrected: D": "D",
    "Answer: B \u2192 D": "D",
    "Answer: A... sorry, B": "B",
    "Answer: A (sorry, typo: B)": "B",
    "Answer: A (edit: C)": "C",
    "Answer: A, I mean C": "C",
    "Answer: A \u2014 sorry, that should read B.": "B",
    "Answer: B. On second thought D": "D",
    "Answer: A; C": None,
    "Answer: A | C": None,
    "Answer: A but also C": None,
    "Answer: A as well as C": None,
    "Answer: A (50%), C (50%)": None,
    "Answer: A? B? I can't tell": None,
    "Answer: A = 1, B = 2": None,
    "Answer: B(e)autiful question! It's D.": "D",
    "> Answer: A\n\nThat was your guess, but the right one is **B**.": "B",
    "My teacher insisted the answer is B, and he was wrong.": None,
    "The answer is C. difficile.": None,
}
COMPARED = {
    "Answer: C because B is wrong": "C",
    "Answer: C, not B": "C",
    "Answer: C rather than D": "C",
    "Answer: D over B": "D",
    "Answer: B, as A and C are too large": "B",
    "Answer: C. B is too small and A is wrong.": "C",
    "Answer: C (B is close, but wrong)": "C",
    "Answer: D) Both A and B": "D",
    "Answer: C (eliminated: A, B, D)": "C",
    "Answer: B) Hepatitis B": "B",
    "Answer: A) vitamin C": "A",
    "Answer: B. A molecule is neutral.": "B",
    "Answer: C \U0001f917 Plan B fell through, but I'm here.": "C",
    "Answer: C :D": "C",
}
SHORT = {
    "Answer: B only": "B",
    "Answer: <b>C</b>": "C",
    "> **Answer: C**": "C",
    "Option C.": "C",
    "C, clearly.": "C",
    "The answer is C, and that is correct.": "C",
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


@pytest.mark.parametrize("text", UNSETTLED)
def test_a_letter_that_is_corrected_denied_or_joined_by_another_is_not_read(text: str) -> None:
    assert choice(text, "stop").value in (UNSETTLED[text], None)


@pytest.mark.parametrize("text", COMPARED)
def test_an_option_that_is_only_compared_with_the_choice_leaves_it(text: str) -> None:
    assert choice(text, "stop") == Reading(COMPARED[text])


@pytest.mark.parametrize("text", SHORT)
def test_a_choice_in_few_words_is_read(text: str) -> None:
    assert choice(text, "stop") == Reading(SHORT[text])
