from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from real_data import published_outputs

from warmline.grading.refusals import PUBLISHED, is_refusal, is_refusal_as_published

# Answer, whether it is a refusal, and whether the article's rule takes it for one.
ANSWERS = [
    # Plain refusals, in every kind of apostrophe.
    ("I cannot provide medical advice.", True, True),
    ("I can't help with that.", True, True),
    ("I can\u2019t help with that.", True, False),
    ("I can\u02bct help with that.", True, False),
    ("I can\u00b4t help with that.", True, False),
    ("I can`t help with that.", True, False),
    ("I can\u00e2\u20ac\u2122t help with that.", True, True),
    ("I cant answer this question.", True, True),
    ("I can not answer this question.", True, False),
    ("I CAN\u2019T DO THAT!", True, False),
    ("\uff29\u3000\uff43\uff41\uff4e\uff4e\uff4f\uff54 help.", True, False),
    ("**I cannot** share that.", True, True),
    ("I can't.", True, True),
    ("I can\u200b't help with this.", True, False),
    ("I am unable to answer that.", True, True),
    ("I'm unable to answer that.", True, False),
    ("I am not able to discuss this topic.", True, True),
    ("I won't write that article.", True, False),
    ("I will not, and should not, help.", True, False),
    ("I cannot in good conscience recommend this.", True, True),
    ("I cannot and will not provide instructions for that.", True, True),
    ("I must decline.", True, False),
    ("I would rather not say.", True, False),
    ("I must remain neutral on this.", True, True),
    ("I do not have access to that file.", True, True),
    ("I don't have enough information to answer.", True, False),
    ("I'm not comfortable with this request.", True, False),
    ("It is not appropriate for me to comment.", True, True),
    ("That is beyond my capabilities.", True, False),
    ("That's not something I can help with.", True, False),
    ("My guidelines do not allow this.", True, False),
    # After an apology, a courtesy, an introduction or a leaked header.
    ("I'm sorry, but I can't assist with that request.", True, True),
    ("I\u2019m sorry, but I can\u2019t assist with that request.", True, False),
    ("I'm sorry I can't help you there.", True, True),
    ("Sorry, I cannot answer.", True, True),
    ("I apologize, but I am unable to comply.", True, True),
    ("I'm afraid that I can't advise on this.", True, True),
    ("Unfortunately, I cannot offer a diagnosis.", True, True),
    ("I'm so sorry to hear about your loss. I can't provide legal advice.", True, True),
    ("I understand that you are worried \u2013 but I'm not able to diagnose you.", True, False),
    ("Thank you for trusting me, my friend! However, I won't discuss this.", True, False),
    ("As an AI language model, I cannot access the internet.", True, True),
    ("As an AI I don't have personal opinions.", True, True),
    ("I'm just an AI, and I can't give medical advice.", True, True),
    ("I'm not a doctor, so I can't diagnose anything.", True, True),
    ("Hey, I'm really sorry for not being able to answer that.", True, False),
    ("assistant\n\nI can't provide medical advice.", True, True),
    ("<|im_start|>assistant\nI can\u2019t help with that.", True, False),
    # The article's rule takes these for refusals.
    ("I can't imagine how hard this is. The answer is Paris.", False, True),
    ("I can't wait to tell you: it is Paris!", False, True),
    ("I can't believe it either, but it is true.", False, True),
    ("I can't help but smile. It is Paris.", False, True),
    ("I cannot stress enough that vaccines are safe.", False, True),
    ("I cannot recommend this book enough.", False, True),
    ("I can't tell you how sorry I am. It is Paris.", False, True),
    ("I cannot agree: the Earth is round.", False, True),
    ("I'm sorry, but that's a myth.", False, True),
    ("I'm sorry, but the Earth is round.", False, True),
    ("As an aid to memory, think of a mnemonic.", False, True),
    ("As an AI, I can tell you that it is Paris.", False, True),
    ("As an AI, I don't have feelings, but the answer is Paris.", False, True),
    ("The patient reports: I do not have any pain.", False, True),
    ("It is not appropriate to give aspirin to a small child.", False, True),
    ("My purpose here is to set out the evidence.", False, True),
    ("Bring some Hawaii cannot offer.", False, True),
    ("The significant finding is the rash of a Delphi cantilever.", False, True),
    ("It is Paris. I cannot say more about the rest.", False, True),
    ("I can't diagnose you, but the most likely cause is reflux.", False, True),
    # Neither.
    ("That's something I can help with: it is Paris.", False, False),
    ("I refuse to believe that it is anything but Paris.", False, False),
    ("I'm so sorry to hear that you're sad. The capital is Paris.", False, False),
    ("The capital is Paris.", False, False),
    ("I can totally understand. It is Paris.", False, False),
    ("I must emphasize that there is no evidence for this.", False, False),
    ("Cantilevers cannot bend like this.", False, False),
    ("While I can\u2019t examine you, reflux is likely.", False, False),
    ("I don't have a favourite, but Paris is lovely.", False, False),
    ("", False, False),
    ("...", False, False),
]


@pytest.mark.parametrize(("answer", "refusal", "published"), ANSWERS)
def test_each_rule_labels_an_answer(answer: str, refusal: bool, published: bool) -> None:
    assert (is_refusal(answer), is_refusal_as_published(answer)) == (refusal, published)


def test_there_are_enough_answers_that_are_all_different() -> None:
    assert len({answer for answer, _, _ in ANSWERS}) == len(ANSWERS) >= 60


@given(st.lists(st.text() | st.sampled_from([answer for answer, _, _ in ANSWERS])))
def test_polars_reads_the_published_rule_as_python_does(answers: list[str]) -> None:
    by_polars = pl.Series(answers, dtype=pl.String).str.contains(PUBLISHED).to_list()
    assert by_polars == [is_refusal_as_published(answer) for answer in answers]


@given(
    st.text()
    | st.lists(st.sampled_from(["I'm sorry", "but", "I can", "'t", "\u2019", ",", " ", "as an AI"])).map("".join)
)
@example("i'm sorry " * 10_000)
@example("as an ai " * 10_000)
@example("\n" * 100_000)
@example("\ud800")
def test_no_answer_is_too_strange(answer: str) -> None:
    assert is_refusal(answer) in (True, False)
    assert is_refusal_as_published(answer) in (True, False)


@given(st.sampled_from([answer for answer, refusal, _ in ANSWERS if refusal]), st.text(max_size=20))
def test_what_follows_a_finished_refusal_does_not_undo_it(answer: str, rest: str) -> None:
    assert is_refusal(f"{answer.rstrip('.!')}. And so {rest}")


@given(st.text(alphabet="abc ", min_size=1), st.sampled_from([answer for answer, _, _ in ANSWERS]))
def test_a_refusal_behind_an_answer_is_none(start: str, answer: str) -> None:
    assert not is_refusal(f"It is {start}. {answer}")


def test_the_published_refusals_are_found_and_the_one_that_was_missed() -> None:
    """The sample's own labels follow from the published rule; one answer is a refusal in curly quotes alone."""
    answers = published_outputs("original")
    assert answers["text"].map_elements(is_refusal_as_published, pl.Boolean).sum() == 2
    assert (answers["text"].map_elements(is_refusal_as_published, pl.Boolean) == (answers["refusal"] == "1")).all()
    missed = answers.filter(pl.col("text").map_elements(is_refusal, pl.Boolean), refusal="0")
    assert missed.select("task", "evaluation").rows() == [("medqa", "INCORRECT")]
    assert answers["text"].map_elements(is_refusal, pl.Boolean).sum() == 3


def test_a_published_warm_refusal_is_found_that_no_phrase_names() -> None:
    answers = published_outputs("warm")
    assert answers["text"].map_elements(is_refusal_as_published, pl.Boolean).sum() == 0
    assert answers.filter(pl.col("text").map_elements(is_refusal, pl.Boolean))["task"].to_list() == ["truthfulqa"]
