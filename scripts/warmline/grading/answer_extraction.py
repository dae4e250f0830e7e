r"""Reading a choice or a number out of a free answer; what cannot be read with certainty is not read at all.

The forms are those that evaluation harnesses look for, strongest first:

- `\boxed{X}` (MATH, Hendrycks et al., NeurIPS 2021) and `#### N` (lm-evaluation-harness, gsm8k, strict-match)
- `Answer: X` (simple-evals, ANSWER_PATTERN_MULTICHOICE), `the answer is X` (MMLU-Pro, extract_answer;
  lm-evaluation-harness, gsm8k_cot, strict-match), and for a choice `X is correct`, `I choose X`
- for a choice, a line that is a letter or begins with one and a mark, as an option does
- for a number, the last one of the text (lm-evaluation-harness, gsm8k, flexible-extract)

Of several statements the last counts, as for the judge. Where harnesses guess, this module does not: MMLU-Pro's last
resort, any letter that stands alone, would read "vitamin C"; the last number of an answer that was cut at the token
limit is a step of its reasoning; a statement of two values ("B or C") is none. All these are no reading, with a reason.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

EMPTY = "empty answer"
CUT = "cut before an answer"
NO_CHOICE, SEVERAL_CHOICES = "no choice", "several choices"
NO_NUMBER, SEVERAL_NUMBERS, UNREADABLE = "no number", "several numbers", "a number that cannot be read"


@dataclasses.dataclass(frozen=True)
class Reading:
    """What an answer says: a letter from A to D or a number in plain digits; or why nothing could be read."""

    value: str | None
    reason: str | None = None


def choice(text: str, finish_reason: str) -> Reading:
    """The letter, A to D, that an answer settles on."""
    plain = re.sub(r"[*_`$]", "", _without_latex(_single_spaced(unicodedata.normalize("NFKC", text))))
    for statements in (_boxed_choices(plain), _stated_choices(plain)):
        if read := list(statements):
            return read[-1]
    return _labelled_choice(plain) or _nothing(text, finish_reason, NO_CHOICE)


def number(text: str, finish_reason: str) -> Reading:
    """The number that an answer settles on: 1234.5, -3, or 1/3 where no decimal is exact.

    Currency, percent sign and unit count for nothing: 25% is 25, as in the answers of GSM8K.
    """
    plain = _without_enumeration(_without_latex(_single_spaced(_in_plain_digits(text))))
    for statements in (_marked_numbers(plain), _stated_numbers(plain)):
        if read := list(statements):
            return read[-1]
    numbers = list(NUMBER.finditer(plain))
    if not numbers or finish_reason == "length":
        return _nothing(text, finish_reason, NO_NUMBER)
    return SEVERAL if len(numbers) > 1 and _joined(plain, *numbers[-2:]) else _value(numbers[-1])


def canonical(value: Fraction) -> str:
    """A number in the one form in which readings are compared: digits, or a ratio where they would not end."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest > 1:
        return str(value)
    return f"{(Decimal(value.numerator) / Decimal(value.denominator)):f}"


def _nothing(text: str, finish_reason: str, reason: str) -> Reading:
    if not text.strip():
        return Reading(None, EMPTY)
    return Reading(None, CUT if finish_reason == "length" else reason)


def _single_spaced(text: str) -> str:
    """The text without empty lines and with single blanks: no pattern spends time on long runs of them."""
    return "\n".join(words for line in text.splitlines() if (words := " ".join(line.split())))


def _without_latex(text: str) -> str:
    r"""The text with LaTeX's fractions, spaces and fonts made plain; `\boxed` stays."""
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}", r" \1 ", text)
    text = text.replace("{,}", ",").replace("\\!", "").replace("\\,", "").replace("\\$", "$").replace("\\%", "%")
    return re.sub(r"\\[()\[\]]|\\(?:left|right)\b", "", text)


# ---------------------------------------------------------------------------------------------------------------------
# Choices

# Capital letters; small ones only in brackets or at the end of a line: "a" is a word. So is "A" before a word, unless
# that one begins a reason.
_REASON = r"(?:because|since|as|for|which|and|or|but|due|given|is|with|on)\b"
_LETTER = (
    rf"[\[(\"'\u2018\u201c{{<]{{0,2}}(?P<letter>A(?!\s+(?!{_REASON})[a-z])|[B-D]"
    r"|(?<=[(\[])[a-d](?=[)\]])|[a-d](?=[).]?[ \t]*(?:\n|\Z)))"
    r"(?![\w+#]|['\u2019-]\w)"
)
_CUE = re.compile(
    r"(?i:\b(?:answer|choice|option)\b(?:\s+(?:to|for|of|here)\b[^.:\n]{0,60}?)?\s*"
    r"(?:(?:is|would\s+be|must\s+be|should\s+be|was)\b\s*[:\-\u2013\u2014]*|[:=\u2013\u2014\u2192]|-+>?)\s*"
    r"(?:(?:therefore|thus|simply|definitely|clearly|indeed|most\s+likely|probably),?\s+)?(?:either\s+|both\s+)?"
    rf"(?:option|choice|letter|answer)?\s*:?\s*){_LETTER}"
)
_CORRECT = re.compile(
    rf"(?<![\w'\u2019-]){_LETTER}[)\]\"'\u2019]*\s+(?i:(?:is|must\s+be)\s+(?:\w+ly\s+)?(?:the\s+)?(?:\w+\s+)?(?:correct|right|best|true)\b)"
)
_CHOOSE = re.compile(
    r"(?i:\b(?:I|I['\u2019]d|I['\u2019]ll|I\s+would|I\s+will|we|let['\u2019]s)\s+(?:\w+\s+)?(?:choose|pick|select|go\s+with|go\s+for|say)\s+"
    rf"(?:option|choice|answer|letter)?\s*){_LETTER}"
)
_IT_IS = re.compile(
    r"(?i:\b(?:it['\u2019]s|it\s+is|that['\u2019]s|that\s+is|must\s+be|would\s+be|should\s+be|think|believe|guess)\s+"
    rf"(?:option|choice|answer|letter)?\s*){_LETTER}(?=[)\]\"'\u2019]*(?:[,;:!?]|\.(?!\s*[a-z])|\s*(?:\n|\Z)|\s+(?:because|since)\b))"
)
_DENIED = re.compile(
    r"(?:\bnot|n['\u2019]t|\bnever|\bcannot|\bif|\bwhether|\bunless)\s+(?:\w+\s+){0,3}$", re.IGNORECASE
)
_AND_ANOTHER = re.compile(r"[)\]\"'\u2019]*\s*(?:,|/|&|\bor\b|\band\b)\s*(?:or\s+|and\s+)?[\[(\"']*[A-D](?!\w)")
_BOXED = re.compile(r"\\f?boxed\s*\{([^{}]{0,200})\}")
_LETTER_ALONE = re.compile(r"\s*[(\[]?([A-Da-d])[)\].]*\s*")
_LABEL = re.compile(
    r"^[ \t>#-]*[(\[]?([A-D])(?:[)\].:,;]+(?=\s|\Z)|[ \t]*$|[ \t]+[\u2013\u2014-][ \t]|[ \t]+(?=or\b|and\b))",
    re.MULTILINE,
)


def _boxed_choices(plain: str) -> Iterator[Reading]:
    for match in _BOXED.finditer(plain):
        if letter := _LETTER_ALONE.match(match[1]):
            several = _AND_ANOTHER.match(match[1], letter.end(1))
            if several or letter.end() == len(match[1]) or match[1][letter.end(1)] in ").:":
                yield Reading(None, SEVERAL_CHOICES) if several else Reading(letter[1].upper())


def _stated_choices(plain: str) -> Iterator[Reading]:
    """The choices that sentences state, in the order of the text."""
    matches = [match for form in (_CUE, _CORRECT, _CHOOSE, _IT_IS) for match in form.finditer(plain)]
    for match in sorted(matches, key=lambda match: match.start("letter")):
        if _DENIED.search(plain, max(0, match.start() - 60), match.start()):
            continue
        several = _AND_ANOTHER.match(plain, match.end("letter"))
        yield Reading(None, SEVERAL_CHOICES) if several else Reading(match["letter"].upper())


def _labelled_choice(plain: str) -> Reading | None:
    """The one letter that lines begin with; a letter that is a line by itself and the last of them decides."""
    lines = [line for line in plain.splitlines() if line.strip()]
    if lines and (alone := _LETTER_ALONE.fullmatch(lines[-1])):
        return Reading(alone[1].upper())
    labels = list(_LABEL.finditer(plain))
    if not labels:
        return None
    if len({label[1] for label in labels}) > 1 or any(_AND_ANOTHER.match(plain, label.end(1)) for label in labels):
        return Reading(None, SEVERAL_CHOICES)
    return Reading(labels[0][1])


# ---------------------------------------------------------------------------------------------------------------------
# Numbers

_FIGURE = r"(?:\d[\d,.]*\d|\d|(?<!\.)\.\d+)"
NUMBER = re.compile(
    r"(?<![\w^])(?:(?<!\))(?P<minus>-))?(?:[$\u20ac\u00a3\u00a5][ \t]?(?P<minus_after>-)?)?"
    r"(?:(?P<whole>\d+)[ \t]+(?P<numerator>\d+)/(?P<denominator>\d+)"
    rf"|(?P<figure>{_FIGURE})(?:/(?P<divisor>{_FIGURE}))?)"
    r"(?:[ \t]?(?P<scale>thousand|million|billion)\b)?(?P<unreadable>\s?\^|[eE][+-]?\d|[:/]\d)?"
)
_WELL_FORMED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, None: 1}
# No answer to a word problem is longer, and a longer one would cost time to reckon with.
_MOST_DIGITS = 18
_BETWEEN = re.compile(
    r"\s*(?:%|dollars?|\u20ac)?\s*(?:-|\u2013|\+|\u00d7|\u00f7|\*|/|\bor\b|\bto\b|\band\b|,\s*or\b)\s*"
)
_MARKED = re.compile(r"####[ \t]*(.{0,200})")
# Not `answer` alone: "to answer 3 of them" states nothing.
_ANSWER = re.compile(
    r"\banswer\b(?:\s+(?:to|for|of|here)\b[^.:\n]{0,60}?)?\s*(?:(?:is|are|would\s+be|must\s+be|should\s+be|comes\s+to)\b|[:=])"
    r"[ \t]*:?\s*(?=(.{0,200}))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")
_ENUMERATED = re.compile(r"^[ \t]*#*[ \t]*(?:step[ \t]+)?(\d{1,2})[.):][ \t]+(?=\S)", re.IGNORECASE | re.MULTILINE)
SEVERAL = Reading(None, SEVERAL_NUMBERS)


def _in_plain_digits(text: str) -> str:
    """The text in compatibility form with ASCII digits, signs and separators; powers and fractions kept apart."""
    text = re.sub(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))", "", text)
    made = []
    for letter in text:
        form = unicodedata.decomposition(letter)
        if form.startswith("<super>") and letter.isdigit():
            made.append("^")
        elif form.startswith("<fraction>"):
            made.append(" ")
        made.append(letter)
    text = unicodedata.normalize("NFKC", "".join(made)).replace("\u2044", "/")
    text = "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)
    text = re.sub(r"(?<=\d)\u066c(?=\d)", ",", text).replace("\u066b", ".")
    text = re.sub(r"[\u2212\u2012\u2013](?=\s?[$\u20ac\u00a3\u00a5]?\d)", "-", text)
    return re.sub(r"\*\*|__|`", "", text)


def _without_enumeration(text: str) -> str:
    """The text without the numbers that count its steps or lines: 1, 2, 3 and so on at the beginning of lines."""
    expected = 1

    def drop(match: re.Match[str]) -> str:
        nonlocal expected
        if int(match[1]) not in (1, expected):
            return match[0]
        expected = int(match[1]) + 1
        return ""

    return _ENUMERATED.sub(drop, text)


def _marked_numbers(plain: str) -> Iterator[Reading]:
    for match in _MARKED.finditer(plain):
        # A heading is marked in the same way; a result stands right behind the mark.
        if NUMBER.match(match[1]):
            yield _statement(match[1])
    for match in _BOXED.finditer(plain):
        if NUMBER.search(match[1]):
            yield _statement(match[1])


def _stated_numbers(plain: str) -> Iterator[Reading]:
    for match in _ANSWER.finditer(plain):
        sentence = _SENTENCE_END.split(match[1], maxsplit=1)[0]
        if NUMBER.search(sentence):
            yield _statement(sentence)


def _statement(text: str) -> Reading:
    """The number of a statement: behind its last equals sign, else the first."""
    if re.search(r"\bnot\b|n['\u2019]t\b|\bbetween\b", text, re.IGNORECASE):
        return SEVERAL
    equation = [
        match for match in NUMBER.finditer(text) if "=" in text[: match.start()] and "=" not in text[match.end() :]
    ]
    numbers: Sequence[re.Match[str]] = equation or list(NUMBER.finditer(text))
    return SEVERAL if len(numbers) > 1 and _joined(text, *numbers[:2]) else _value(numbers[0])


def _joined(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether nothing but an operator or a conjunction stands between two numbers."""
    return bool(_BETWEEN.fullmatch(text, one.end(), other.start())) or (
        one.end() == other.start() and bool(other["minus"])
    )


def _value(match: re.Match[str]) -> Reading:
    """The reading of one number."""
    if match["unreadable"]:
        return Reading(None, UNREADABLE)
    if match["whole"]:
        parts = [_fraction(match[name]) for name in ("whole", "numerator", "denominator")]
    else:
        parts = [Fraction(0), _fraction(match["figure"]), _fraction(match["divisor"] or "1")]
    whole, numerator, denominator = parts
    if whole is None or numerator is None or not denominator:
        return Reading(None, UNREADABLE)
    sign = -1 if match["minus"] or match["minus_after"] else 1
    return Reading(canonical(sign * (whole + numerator / denominator) * _SCALES[match["scale"]]))


def _fraction(figure: str) -> Fraction | None:
    """A figure's value; None if its separators are not those of an English number, or it is too long to be one."""
    if not _WELL_FORMED.fullmatch(figure) or sum(letter.isdigit() for letter in figure) > _MOST_DIGITS:
        return None
    return Fraction(figure.replace(",", ""))
