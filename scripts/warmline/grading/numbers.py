"""Reading a number out of a free answer (the forms: warmline.grading.readings).

Of weaker statements there are three: a line that is a number, a sentence that concludes, and the one sentence of all
that has a number and does not turn to the user. Currency, percent sign and unit count for nothing: 25% is 25, as in the
answers of GSM8K. Two quantities ("5 feet 6 inches", a range, a time) are no number, and neither is a bound ("at least
12") or a number that something is still to be done to ("half of 12", "\u221a16").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from warmline.grading import readings
from warmline.grading.readings import Reading

NO_NUMBER, SEVERAL_NUMBERS, UNREADABLE = "no number", "several numbers", "a number that cannot be read"
SEVERAL = Reading(None, SEVERAL_NUMBERS)

_FIGURE = r"(?:\d[\d,.]*\d|\d|(?<!\.)\.\d+)"
_CURRENCY = r"[$\u20ac\u00a3\u00a5]"
NUMBER = re.compile(
    rf"(?<![\w^])(?:(?<!\))(?P<minus>-)\s?|(?P<minus_word>(?:minus"
    rf"|negative)\s))?(?:{_CURRENCY}[ \t]?(?P<minus_after>-)?)?"
    r"(?:(?P<whole>\d+)[ \t]+(?:and[ \t]+)?(?P<numerator>\d+)/(?P<denominator>\d+)"
    rf"|(?P<figure>{_FIGURE})(?:/(?P<divisor>{_FIGURE}))?)"
    r"(?:[ \t]?(?P<scale>dozen|hundred|thousand|million|billion|trillion)\b|(?P<thousands>[kK])(?!\w))?"
    r"(?P<unreadable>\s?[\^\u03c0\u221a]|\s?%\s+off\b|[eE][+-]?\d|[:/]\d|(?:st|nd|rd|th|[xX\u00d7]|[mM]|[bB])(?!\w)"
    r"|[ \t]*(?:degrees?|\u00b0\s?[cf]?)?[ \t]+(?:below|under)\s+zero\b|_\w|x[\da-f]|\(-?\d"
    r"|\+(?!\s?\d)|[ \t]?(?:bn|mn|pi)\b|[ \t]+(?:k|lakhs?|crores?|scores?|gross|squared|cubed|factorial"
    r"|at\s+(?:most|least)|max(?:imum)?|min(?:imum)?|or\s+(?:more|less|fewer|over))\b)?",
    re.IGNORECASE,
)
# A bound, or what is still to be reckoned with the number behind it.
_OPERATOR = re.compile(
    rf"(?:(?<![-=])[<>\u2264\u2265\u2260\u221a\u00b1][\s(]*|\||\b(?:at\s+(?:least|most)|(?:less|more|fewer|greater|larger|smaller|higher"
    r"|lower)\s+than|over|under|above|below|up\s+to|minimum|maximum|half(?:\s+of)?|double|twice|triple|log|ln|sin|cos|tan|sqrt"
    rf"|(?:root|square|cube)\s+of)[\s(]*){_CURRENCY}?\Z",
    re.IGNORECASE,
)
_FILLER = r"(?:\W|\b(?:that|it|its|it's|this|should|must|be|read|is|i|meant?|the|answer|to|say|make|wait|no|so)\b)"
_CORRECTED = re.compile(
    r"\b(?:sorry|oops|whoops|corrected|correction|typo|no(?:pe)?|wait|actually|rather(?! than)|make that"
    rf"|(?:should|must) (?:be|read)|(?:is|was)(?:n't| not| wrong| incorrect))\b"
    rf"{_FILLER}{{1,12}}?(?:{NUMBER.pattern})(?!\w| if\b)",
    re.IGNORECASE,
)
_NOT_ANOTHER = re.compile(
    rf"\([^()]*\)|\b(?:not|n't|than|per|each(?:\s+of(?:\s+the)?)?|every|out\s+of)\s+{_CURRENCY}?\d\S*", re.IGNORECASE
)
_WELL_FORMED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_SCALES = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# No answer to a word problem is longer, and a longer one would cost time to reckon with.
_MOST_DIGITS = 18
_ENUMERATED = re.compile(r"^[ \t]*#*[ \t]*(?:step[ \t]+)?(\d{1,2})[.):][ \t]+(?=\S)", re.IGNORECASE | re.MULTILINE)
_IDIOM = re.compile(r"\b24/7\b")
_SENTENCE_END = re.compile(
    rf"(?<!\bi\.e)(?<!\be\.g)[.!?](?=\s|\Z)|(?<=\w)\W*(?!\u2192){readings.PICTURE}|(?<=\w)\s+(?={readings.KIND_WORD})"
)
# What follows explains the number; what these words lead to is it.
_EXPLANATION = re.compile(
    r"[ \t]*(?:[,;\u2013\u2014]|\s-\s)?\s*\b(?:as|because|since|for|given|where|when|after|before|if|so\s+that)\b.*"
    r"|\s+\(.*|(?<!\d)\(.*|\((?!-?\d).*",
    re.IGNORECASE | re.DOTALL,
)
# What follows a number and a comma is said of it, unless it is a number too or leads to one.
_REMARK = re.compile(
    r"[,;]\s+(?![^\w\s]?\d|(?:and|or)\s+\d|so\b|thus\b|hence\b|therefore\b|which\b|that\s+is\b|i\.e).*",
    re.IGNORECASE | re.DOTALL,
)
_CONCLUSION_WITHIN = re.compile(
    r"\b(?:so|thus|therefore|hence|that\s+is|i\.e\.|which\s+(?:is|makes|equals|gives|comes\s+to|leaves)),?\s",
    re.IGNORECASE,
)
_ALTERNATIVES = re.compile(r"\b(?:not|between|or|either|from|versus|vs)\b|n['\u2019]t\b", re.IGNORECASE)
_ANSWER = re.compile(
    r"(?:(?<![\w'\u2019])(?:the|my|our)\s+|\A)(?:(?:final|correct|right|exact|total)\s+){0,2}(?:answer|result)\b"
    r"(?:\s+(?:to|for|of|here)\b[^.:\n]{0,60}?)?\s*"
    r"(?:(?:is|are|would\s+be|must\s+be|should\s+be|comes\s+to)\b|[:=])[ \t]*:?\s*(?P<said>.{0,200})",
    re.IGNORECASE,
)
_CONCLUDING = re.compile(
    r"\W*(?:(?:so|therefore|thus|hence|altogether|finally|overall|in\s+(?:total|all|the\s+end|conclusion)"
    r"|the\s+(?:\w+\s+){0,4}?(?:total|sum|difference|result|cost|price|change|number|profit|average)\b"
    r"(?:\s+\w+){0,6}?\s+(?:is|are|was|comes\s+to|equals))(?=\W)"
    r"|(?:that|this|it)(?:['\u2019]s|\s+(?:is|was|makes|means|leaves|gives|equals|costs|takes|comes\s+to))\s+"
    rf"(?:(?:about|exactly|only|just|then|a\s+total\s+of)\s+)?(?={_CURRENCY}?\d|-)|=)",
    re.IGNORECASE,
)
# A number by itself, with at most a sign, a currency and the unit behind it.
_UNIT = r"(?:[ \t]?(?:%|\u20ac|[^\W\d_]+(?:[\u00b2\u00b3/][^\W\d_]*)?)){0,3}"
_LINE_ALONE = re.compile(
    rf"[^\w$\u20ac\u00a3\u00a5.-]{{0,6}}(?P<said>(?:{NUMBER.pattern}){_UNIT})\W{{0,12}}", re.IGNORECASE
)
_TO_THE_USER = re.compile(
    r"\b(?:hop(?:e|ing)|hugs?|hugging|here\s+for|proud|sending|cheer\w*|lov(?:e|ely|ing)|friends?|dear\w*|honey"
    r"|sweet\w*"
    r"|buddy|pal|sorry|apolog\w*|thank\w*|take\s+care|let\s+me\s+know|feel\s+free|happy\s+to|glad|believe\s+in|your"
    r"|you['\u2019](?:re|ve|ll)|you\s+(?:are|have|can|got|deserve)|I['\u2019](?:m|ve|d|ll)|I\s+(?:am|know|can\s+(?:hear"
    r"|see|imagine)|wish)|me|my)\b",
    re.IGNORECASE,
)


def number(text: str, finish_reason: str) -> Reading:
    """The number that an answer settles on: 1234.5, -3, or 1/3 where no decimal is exact."""
    plain = _without_enumeration(re.sub(r"\*\*|__|`", "", readings.plain_text(_in_plain_digits(text))))
    why = readings.Reasons(NO_NUMBER, SEVERAL_NUMBERS)
    return readings.read(plain, finish_reason, _statement, lambda plain: _weaker(plain, finish_reason), why)


def canonical(value: Fraction) -> str:
    """A number in the one form in which readings are compared: digits, or a ratio where they would not end."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest > 1:
        return str(value)
    return f"{(Decimal(value.numerator) / Decimal(value.denominator)):f}"


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
    return re.sub(r"[\u2212\u2012\u2013](?=\s?[$\u20ac\u00a3\u00a5]?\d)", "-", text)


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


def _statement(said: str) -> Reading | None:
    """The number of what is said behind `Answer:` or in a box; None if there is none."""
    said = readings.unboxed(said)
    sentence = _SENTENCE_END.split(said, maxsplit=1)[0]
    # 12 500: nowhere else is a blank within a number told from one between two.
    sentence = re.sub(r"(?<![\d,.])(\d{1,3})((?: \d{3})+)(?![\d,])", lambda match: match[0].replace(" ", ""), sentence)
    first = NUMBER.search(sentence)
    if not first:
        return None
    if readings.DENIED.match(sentence, first.end()):
        return SEVERAL
    reading = _quantity(_REMARK.sub("", sentence) if NUMBER.match(sentence) else sentence)
    remark = _REMARK.search(sentence) if NUMBER.match(sentence) else None
    others = list(_CORRECTED.finditer(said, first.start()))
    if remark:
        others += NUMBER.finditer(_NOT_ANOTHER.sub("", _EXPLANATION.sub("", remark[0])))
    return SEVERAL if any(_value(each).value not in (None, reading.value) for each in others) else reading


def _quantity(sentence: str) -> Reading:
    """The one number that a statement comes to: at its beginning, or behind its conclusion or its last equals sign."""
    # What is concluded in brackets puts the same otherwise: 2 hours (that is 120 minutes).
    led = [each for each in _CONCLUSION_WITHIN.finditer(sentence) if "(" not in sentence[: each.start()]]
    if led and NUMBER.search(sentence, led[-1].end()):
        concluded = _quantity(sentence[led[-1].end() :])
        first = _alone(sentence[: led[0].start()]) if NUMBER.match(sentence) else SEVERAL
        if first.value and concluded.value not in (None, first.value):
            return SEVERAL
        return first if first.value else concluded
    return _alone(sentence)


def _alone(sentence: str) -> Reading:
    head = _EXPLANATION.sub("", sentence, count=1)
    if not NUMBER.search(head):
        head = sentence
    _, equals, behind = head.rpartition("=")
    if equals and NUMBER.search(behind):
        head = behind
    found = list(NUMBER.finditer(head))
    if len(found) > 1 or (found and _ALTERNATIVES.search(head)):
        return SEVERAL
    return _value(found[0]) if found else Reading(None, NO_NUMBER)


def _weaker(plain: str, finish_reason: str) -> Iterator[Reading]:
    """The numbers of weaker statements, of the first kind there is; of a text that was cut the first kind alone."""
    sentences = list(readings.sentences(_IDIOM.sub("", plain)))
    stated = [
        said
        for sentence in sentences
        for found in _ANSWER.finditer(sentence)
        if readings.is_its_own(sentence, found.start("said")) and (said := _statement(found["said"]))
    ]
    if stated or finish_reason == "length":
        yield from stated
        return
    lines = [
        _value(alone)
        for each in sentences
        if _LINE_ALONE.fullmatch(each) and (alone := NUMBER.search(each)) and not each.endswith("?")
    ]
    concluded = [
        _quantity(each)
        for each in sentences
        if _CONCLUDING.match(each) and (first := NUMBER.search(each)) and readings.is_its_own(each, first.start())
    ]
    if lines or concluded:
        yield from lines
        yield from concluded
        return
    numbered = [each for each in sentences if NUMBER.search(each)]
    # What a question holds may be all that is said, so it is not left out as a question.
    told = [
        each
        for each in numbered
        if ("=" in each or not _TO_THE_USER.search(each)) and readings.is_its_own(f"{each}.", 0)
    ]
    if len(told) > 1:
        yield SEVERAL
    elif told:
        yield _quantity(told[0])


def _value(match: re.Match[str]) -> Reading:
    """The reading of one number."""
    if match["unreadable"] or _OPERATOR.search(match.string, max(0, match.start() - 40), match.start()):
        return Reading(None, UNREADABLE)
    if match["whole"]:
        parts = [_fraction(match[name]) for name in ("whole", "numerator", "denominator")]
    else:
        parts = [Fraction(0), _fraction(match["figure"]), _fraction(match["divisor"] or "1")]
    whole, numerator, denominator = parts
    if whole is None or numerator is None or not denominator:
        return Reading(None, UNREADABLE)
    sign = -1 if match["minus"] or match["minus_word"] or match["minus_after"] else 1
    scale = 1000 if match["thousands"] else _SCALES.get((match["scale"] or "").lower(), 1)
    return Reading(canonical(sign * (whole + numerator / denominator) * scale))


def _fraction(figure: str) -> Fraction | None:
    """A figure's value; None if its separators are not those of an English number, or it is too long to be one."""
    if not _WELL_FORMED.fullmatch(figure) or sum(letter.isdigit() for letter in figure) > _MOST_DIGITS:
        return None
    return Fraction(figure.replace(",", ""))
