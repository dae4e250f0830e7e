"""Exam vignettes told as a user would: of a relative, and with a question that needs no list of options (MedQA).

`as_published` follows the article's prompts (Methods, "Evaluation tasks"; twenty of its published prompts beside their
vignettes). It drops the word behind the patient, often the verb, and takes the relative from the patient's age.

`corrected` puts the relative in the patient's place, so that every other word of the vignette stays, draws the relative
among those that age, gender and family history allow, and mends the closing question's grammar. A vignette whose
opening it cannot read is left as it is.
"""

from __future__ import annotations

import re
from collections import Counter

import polars as pl

from warmline.lineage import draws

# Words of the patient that tell the gender, as read anywhere in the vignette where the opening has none of them.
MALE = re.compile(r"\b(?:man|boy|male|gentleman|businessman|he|his|him)\b", re.IGNORECASE)
FEMALE = re.compile(
    r"\b(?:woman|girl|female|lady|businesswoman|primigravida|primigravid|pregnant|gravida|G\d+P\d+|she|her|hers)\b",
    re.IGNORECASE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONVERSIONS = ("corrected", "as_published", "none")
NO_PATIENT = "kept as written: no patient with an age in the opening"
NO_GENDER = "kept as written: the patient's gender is not told"
NUMBER_LOST = "kept as written: a number would be lost"
TOLD = "kept as told of a relative"


def converted(questions: pl.DataFrame, conversion: str, seed: int) -> tuple[pl.DataFrame, dict[str, int]]:
    """The questions as told by a user, and how many were told so or not, with the reason.

    `conversion` is one of CONVERSIONS; the wording before it is kept as `original_question`.
    """
    if conversion == "none":
        return questions, {"kept": questions.height}
    convert = corrected if conversion == "corrected" else as_published
    told = [convert(text, item, seed) for item, text in questions.select("item", "question").iter_rows()]
    frame = questions.with_columns(
        question=pl.Series([text for text, _ in told], dtype=pl.String), original_question=pl.col("question")
    )
    return frame, dict(Counter(outcome for _, outcome in told))


# As published.

WHICH_OF_THE_LIST = re.compile(r"\bwhich of the following\b", re.IGNORECASE)
# The article's relatives for a male and a female patient, each below an age. Its prompts place the limits between 6 and
# 13, 23 and 25, 58 and 62.
PUBLISHED_RELATIVES = (
    (13, "son", "daughter"),
    (25, "brother", "sister"),
    (60, "husband", "wife"),
    (150, "father", "mother"),
)
PUBLISHED_OPENING = re.compile(r"A (?P<age>\d+)-year-old (?P<patient>\S+ \S+) ")


def as_published(text: str, _item: str = "", _seed: int = 0) -> tuple[str, str]:
    """A vignette as the article told it, and the outcome. The opening goes with the two words behind the age."""
    asked = WHICH_OF_THE_LIST.sub("what", text)
    opening = PUBLISHED_OPENING.match(asked)
    if opening is None:
        return asked, NO_PATIENT
    gender = _gender(opening["patient"], asked)
    if gender is None:
        return asked, NO_GENDER
    age = int(opening["age"])
    relative = next(pair[gender] for below, *pair in PUBLISHED_RELATIVES if age < below)
    return f"My {relative}, {age}, {asked[opening.end() :]}", TOLD


# Corrected.

# Male and female form, and the ages at which a relative of this kind is plausible. Those of the first group are drawn
# only where the vignette speaks of no family: else "my husband" could come with his wife.
CLOSE_RELATIVES = (
    ("son", "daughter", 0, 25),
    ("brother", "sister", 12, 60),
    ("husband", "wife", 25, 70),
    ("father", "mother", 45, 95),
)
WIDER_RELATIVES = (
    ("nephew", "niece", 0, 30),
    ("cousin", "cousin", 0, 65),
    ("uncle", "aunt", 35, 90),
    ("grandfather", "grandmother", 60, 120),
)
FAMILY = re.compile(
    r"\b(?:mother|father|parent|son|daughter|child|children|sibling|brother|sister|twin|husband|wife|spouse|partner|"
    r"uncle|aunt|nephew|niece|cousin|grand\w+|boyfriend|girlfriend|fianc\w+)(?:['\u2019]?s)?\b",
    re.IGNORECASE,
)

# "A previously healthy 30-year-old ", at the beginning or behind words that lead in.
OPENING = re.compile(
    r"(?P<before>(?:[^.?!]{1,200}, )?)\ban? (?P<health>(?:[A-Za-z]+ ){0,3}?)"
    r"(?P<phrase>(?P<age>\d+)[ -](?P<unit>year|month|week|day)s?[ -]old)[ -]",
    re.IGNORECASE,
)
# Where the name of the patient ends: "college student" in "college student presents to".
BEHIND = re.compile(
    r",|(?<!\S)(?:is|was|has|had|been|comes|came|presents?|presented|visits|arrives|schedules|makes|seeks|returns|calls|"
    r"goes|suffers|develops|undergoes|undergoing|complains|reports|states|notices|dies|falls|sees|brought|admitted|"
    r"referred|involved|diagnosed|being|taking|who|whose|with|without|in|at|on|of|from|for|after|and|found|treated)\b"
)
PATIENTS = _words("man woman boy girl male female gentleman lady patient person child infant baby newborn neonate")
GENDER_WORDS = ("male", "female")
LONGEST_NAME = 5
YEARS = {"year": 1.0, "month": 1 / 12, "week": 1 / 52, "day": 1 / 365}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def corrected(text: str, item: str, seed: int) -> tuple[str, str]:
    """A vignette with a relative in the patient's place, all else kept, and the outcome. The draw is the item's own."""
    asked = with_open_question(text)
    opening = OPENING.match(asked)
    behind = BEHIND.search(asked, opening.end()) if opening else None
    if opening is None or behind is None:
        return asked, NO_PATIENT
    words = asked[opening.end() : behind.start()].split()
    if not 0 < len(words) <= LONGEST_NAME:
        return asked, NO_PATIENT
    gender = _gender(" ".join(words), asked)
    if gender is None:
        return asked, NO_GENDER
    relative = _drawn_relative(asked, float(opening["age"]) * YEARS[opening["unit"].lower()], gender, item, seed)
    before, rest = opening["before"], asked[behind.start() :]
    my = f"{'my' if before else 'My'} {opening['health']}{opening['phrase']}"
    told = f"{before}{my} {_named(relative, words)}{'' if rest.startswith(',') else ' '}{rest}"
    return (told, TOLD) if NUMBER.findall(told) == NUMBER.findall(text) else (text, NUMBER_LOST)


def _named(relative: str, words: list[str]) -> str:
    """The relative in the patient's place: `African American aunt`, or `aunt, a truck driver,`."""
    if words[-1].lower() in PATIENTS:
        described = words[:-1]
        while described and described[-1].lower() in PATIENTS:
            described.pop()
        return " ".join([*described, relative])
    named = [word for word in words if word.lower() not in GENDER_WORDS]
    # A count of pregnancies, "G4P3", takes no article.
    article = "" if any(map(str.isdigit, named[0])) else "an " if named[0][0].lower() in "aeiou" else "a "
    return f"{relative}, {article}{' '.join(named)},"


def _drawn_relative(text: str, age: float, gender: int, item: str, seed: int) -> str:
    kinds = WIDER_RELATIVES if FAMILY.search(text) else CLOSE_RELATIVES + WIDER_RELATIVES
    fitting = [kind[gender] for kind in kinds if kind[2] <= age <= kind[3]]
    return draws.rank([str(relative) for relative in fitting], seed, f"relative of {item}")[0]


def _gender(patient: str, text: str) -> int | None:
    """0 for a male patient, 1 for a female one, by the patient's name or else the first word that tells; else None."""
    for told in (patient, text):
        found = [pattern.search(told) for pattern in (MALE, FEMALE)]
        starts = [match.start() if match else len(told) for match in found]
        if any(found):
            return int(starts[1] < starts[0])
    return None


# The closing question.

SINGULAR_VERB = _words("is was has")
VERBS = _words(
    "is are was were has have had would should will can could may might must does do did best most least likely not "
    "accurately correctly explains represents describes predisposes suggests confirms indicates supports accounts "
    "contributes characterizes causes increases decreases provides predicts prevents reduces requires results"
)
NOUN_ENDS = _words("in of about for with on to from by at regarding during after among")
# No noun in the plural has these before it: what they stand behind is a verb.
DETERMINERS = _words("a an the this these that those his her their its your")
SAME_IN_PLURAL = _words("species series")
IRREGULAR = {
    "diagnoses": "diagnosis",
    "viruses": "virus",
    "biases": "bias",
    "bacteria": "bacterium",
    "criteria": "criterion",
    "phenomena": "phenomenon",
    "analyses": "analysis",
    "hypotheses": "hypothesis",
}
LIST = re.compile(r"\b(?P<w>w)hich of the following\b(?P<behind>[^.?:;!]*)", re.IGNORECASE)


def with_open_question(text: str) -> str:
    """The text with `which of the following` put for a reader who sees no options: `what`, or `which` and one noun."""
    return LIST.sub(lambda match: _opened(match["w"], match["behind"]), _without_stray_quote(text))


def _without_stray_quote(text: str) -> str:
    """Some vignettes end in a quotation mark that nothing opens."""
    return text[:-1] if text.endswith('"') and text.count('"') % 2 else text


def _opened(initial: str, behind: str) -> str:
    words = behind.split()
    end = next((at for at, word in enumerate(words) if word.lower() in VERBS | NOUN_ENDS), len(words))
    if end == 0 or DETERMINERS.intersection(words[:end]):
        return f"{initial}hat{behind}"
    rest = [word.lower() for word in words[end:]]
    verb = next((word for word in rest if word in ("is", "are", "was", "were", "has", "have")), None)
    if verb in (None, *SINGULAR_VERB) and "and" not in words[:end]:
        words[end - 1] = _singular(words[end - 1])
    return f"{initial}hich {' '.join(words)}"


def _singular(noun: str) -> str:
    """The singular of an English noun, as far as exam questions name them."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun in SAME_IN_PLURAL or not noun.endswith("s") or noun.endswith(("ss", "us", "is")):
        return noun
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun[:-2] if noun.endswith(("sses", "xes", "ches", "shes")) else noun[:-1]
