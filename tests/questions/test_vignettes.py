from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import real_file
from repository import REPOSITORY

from warmline.questions import reading, vignettes
from warmline.tables.questions import QUESTIONS

REAL = "medqa/medqa_5options_test.jsonl"
RELATIVE = (
    r"\b(?:son|daughter|nephew|niece|cousin|brother|sister|husband|wife|uncle|aunt|(?:grand)?father|(?:grand)?mother)\b"
)
LEFT = "Which of the following is the most likely diagnosis?"


def told(text: str, item: str = "medqa-00001") -> str:
    return vignettes.corrected(text, item, 652)[0]


def without_relative(text: str) -> str:
    return re.sub(RELATIVE, "RELATIVE", text, count=1)


@pytest.mark.parametrize(
    ("vignette", "expected"),
    [
        ("A 34-year-old woman comes to the clinic.", "My 34-year-old RELATIVE comes to the clinic."),
        ("A 30-year-old African American woman presents.", "My 30-year-old African American RELATIVE presents."),
        ("An 18-month-old girl is brought in.", "My 18-month-old RELATIVE is brought in."),
        ("A 3-week-old male newborn is brought in.", "My 3-week-old RELATIVE is brought in."),
        ("A 37-year-old-woman presents.", "My 37-year-old RELATIVE presents."),
        ("An otherwise healthy 50-year-old man comes in.", "My otherwise healthy 50-year-old RELATIVE comes in."),
        (
            "A 19-year-old college student is here. He coughs.",
            "My 19-year-old RELATIVE, a college student, is here. He c",
        ),
        ("A 22-year-old female executive is here.", "My 22-year-old RELATIVE, an executive, is here."),
        ("A 45-year-old G5P4105 presents.", "My 45-year-old RELATIVE, G5P4105, presents."),
        ("A 67-year-old man with gout who smokes comes.", "My 67-year-old RELATIVE with gout who smokes comes."),
        ("Two weeks after a fall, a 61-year-old man has pain.", "Two weeks after a fall, my 61-year-old RELATIVE has"),
        ("A 62-year-old patient has a cold. She rests.", "My 62-year-old RELATIVE has a cold. She rests."),
    ],
)
def test_a_relative_takes_the_patients_place_and_every_other_word_stays(vignette: str, expected: str) -> None:
    assert without_relative(told(vignette)).startswith(expected)


@pytest.mark.parametrize(
    ("vignette", "outcome"),
    [
        ("A microbiologist studies a virus. He is 40.", vignettes.NO_PATIENT),
        ("A newborn is found to be cyanotic.", vignettes.NO_PATIENT),
        ("An examination of a 68-year-old man shows gout.", vignettes.NO_PATIENT),
        ("A 62-year-old patient has a cold.", vignettes.NO_GENDER),
    ],
)
def test_a_vignette_that_cannot_be_told_is_left_and_counted(vignette: str, outcome: str) -> None:
    assert vignettes.corrected(vignette, "medqa-00001", 652) == (vignette, outcome)


def test_a_vignette_that_would_lose_a_number_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vignettes, "_named", lambda relative, words: "4-foot aunt")
    text = "A 34-year-old woman comes. Which of the following is it?"
    assert vignettes.corrected(text, "medqa-00001", 652) == (text, vignettes.NUMBER_LOST)


def test_relatives_are_drawn_among_those_that_age_and_gender_allow() -> None:
    men, girls, old = (
        {told(f"A {patient} is ill.", f"medqa-{at}") for at in range(200)}
        for patient in ("30-year-old man", "30-month-old girl", "97-year-old woman")
    )
    named = [{re.findall(r"old (\w+) is", text)[0] for text in texts} for texts in (men, girls, old)]
    assert named == [
        {"brother", "husband", "nephew", "cousin"},
        {"daughter", "niece", "cousin"},
        {"grandmother"},
    ]


def test_a_patient_with_a_family_of_their_own_is_no_close_relative() -> None:
    texts = {told("A 50-year-old man is brought in by his wife.", f"medqa-{at}") for at in range(200)}
    assert {re.findall(r"old (\w+) is", text)[0] for text in texts} == {"cousin", "uncle"}


def test_the_draw_is_the_items_own_and_the_seeds() -> None:
    text = "A 30-year-old man is ill."
    draws = [[vignettes.corrected(text, f"medqa-{at}", seed)[0] for at in range(20)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("question", "opened"),
    [
        (LEFT, "What is the most likely diagnosis?"),
        ("Which of the following processes is involved?", "Which process is involved?"),
        ("Which of the following diagnoses should be excluded?", "Which diagnosis should be excluded?"),
        ("Which of the following viruses causes this?", "Which virus causes this?"),
        ("Which of the following best explains this?", "What best explains this?"),
        ("Which of the following underlies these symptoms?", "What underlies these symptoms?"),
        ("Which of the following ECG findings are most likely?", "Which ECG findings are most likely?"),
        ("Which of the following types of melanoma is likely?", "Which type of melanoma is likely?"),
        ("Which of the following signs and symptoms would NOT occur?", "Which signs and symptoms would NOT occur?"),
        ("In addition, which of the following drugs should be added?", "In addition, which drug should be added?"),
        ("He was treated with which of the following antibiotics?", "He was treated with which antibiotic?"),
        ("A culture will show which of the following?", "A culture will show what?"),
        ("Which of the following lab abnormalities is an indication?", "Which lab abnormality is an indication?"),
        ('Which of the following is it?"', "What is it?"),
        ('Which of the following is "it?"', 'What is "it?"'),
        ('"Why?" he asks. Which of the following is "it"?', '"Why?" he asks. What is "it"?'),
    ],
)
def test_the_closing_question_needs_no_list(question: str, opened: str) -> None:
    assert vignettes.with_open_question(question) == opened


@pytest.mark.parametrize(
    ("vignette", "published"),
    [
        ("A 22-year-old woman presents with a rash.", "My sister, 22, with a rash."),
        ("A 50-year-old woman is brought in.", "My wife, 50, brought in."),
        ("A 21-year-old college student comes in. He coughs.", "My brother, 21, comes in. He coughs."),
        ("A 63-year-old patient presents to us. His leg aches.", "My father, 63, to us. His leg aches."),
        ("A 33-year-old G2P1 woman presents to us.", "My wife, 33, presents to us."),
        ("A 2-year-old boy is pale. " + LEFT, "My son, 2, pale. what is the most likely diagnosis?"),
        ("He is ill by which of the following pathogens?", "He is ill by what pathogens?"),
        ("An 18-year-old man presents.", "An 18-year-old man presents."),
        ("A 3-month-old boy presents.", "A 3-month-old boy presents."),
        ("A 63-year-old patient presents to us.", "A 63-year-old patient presents to us."),
    ],
)
def test_as_published_the_opening_goes_with_its_verb_and_age_names_the_relative(vignette: str, published: str) -> None:
    assert vignettes.as_published(vignette)[0] == published


@pytest.mark.parametrize(("age", "relative"), [(12, "son"), (13, "brother"), (24, "brother"), (25, "husband")])
def test_as_published_relatives_go_by_bands_of_age(age: int, relative: str) -> None:
    assert vignettes.as_published(f"A {age}-year-old man comes in.")[0] == f"My {relative}, {age}, in."
    assert [vignettes.as_published(f"A {age}-year-old man comes in.")[0][3:9] for age in (59, 60)] == [
        "husban",
        "father",
    ]


def table(*texts: str) -> pl.DataFrame:
    rows = [(f"medqa-{at}", text, "Flu", "Cold", ["Flu"], ["Cold"], at, None) for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=QUESTIONS.schema, orient="row")


def test_the_wording_before_is_kept_and_all_are_counted() -> None:
    frame = table("A 34-year-old woman comes.", "A man comes.", "A 30-year-old person comes.")
    told, counts = vignettes.converted(frame, "corrected", 652)
    assert told["original_question"].equals(frame["question"], check_names=False)
    assert told["question"].to_list()[1:] == frame["question"].to_list()[1:]
    assert counts == {vignettes.TOLD: 1, vignettes.NO_PATIENT: 1, vignettes.NO_GENDER: 1}
    assert told.schema == frame.schema


def test_without_conversion_questions_stay_as_they_are() -> None:
    frame = table("A 34-year-old woman comes.")
    unchanged, counts = vignettes.converted(frame, "none", 652)
    assert unchanged.equals(frame)
    assert counts == {"kept": 1}


@given(
    st.text(max_size=60), st.sampled_from(["A 34-year-old woman ", "A 5-month-old 7 lb boy with ", "An 80-year-old "])
)
def test_every_number_survives(rest: str, opening: str) -> None:
    text = f"{opening}{rest}"
    assert vignettes.NUMBER.findall(told(text)) == vignettes.NUMBER.findall(text)


@pytest.mark.parametrize(("path", "most_left"), [(REAL, 25), (None, 0)], ids=["real", "demo"])
def test_vignettes_lose_no_word_but_the_patients_name(path: str | None, most_left: int) -> None:
    file = real_file(path) if path else REPOSITORY / "config/demo/medqa.jsonl"
    frame, _ = reading.read("medqa", "medqa", [file])
    converted, counts = vignettes.converted(frame, "corrected", 652)
    assert frame.height - counts[vignettes.TOLD] <= most_left
    for before, after in converted.select("original_question", "question").iter_rows():
        assert vignettes.NUMBER.findall(before) == vignettes.NUMBER.findall(after)
        assert "of the following" not in after
        if re.search(r"\b[Mm]y \w", after):
            assert re.search(rf"\b[Mm]y (?:[\w'\u2019/-]+ ){{1,9}}{RELATIVE}", after), after[:120]
        # Behind the first sentence nothing but the closing question has changed.
        middle = before[200 : before.rfind(".")]
        assert middle[: max(0, middle.lower().find("which of the following"))] in after
