"""Reading a choice, a letter from A to D, out of a free answer (the forms: warmline.grading.readings).

A letter is a choice only where it stands for an option: "Hepatitis B", "Person B" and "B cells" choose nothing. A
letter that is denied, asked about, or that others are said to believe is no statement of the answer's own. Behind
`Answer:` a second option in the same line leaves open which is meant, unless it is only compared with the first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from warmline.grading import readings
from warmline.grading.readings import Reading

NO_CHOICE, SEVERAL_CHOICES = "no choice", "several choices"
SEVERAL = Reading(None, SEVERAL_CHOICES)

_OPEN, _CLOSE = r"[\[(\"'\u2018\u201c{<]{0,2}", r"[\])\"'\u2019\u201d}>]{0,2}"
_REASON = (
    r"(?:because|since|as|for|which|and|or|but|due|given|is|with|on|not|here|only|rather|instead|over"
    r"|\u2013|\u2014|-)(?!\w)"
)
# Small letters only in brackets or at the end of a line: "a" is a word. No letter stands before a word, unless that one
# begins a reason: "A matter of taste", "B cells".
_LETTER = (
    rf"{_OPEN}(?P<letter>[A-D]|(?<=[(\[])[a-d](?=[)\]])|(?<=option )[a-d]|[a-d](?=[).]?\s*(?:\n|\Z)))"
    rf"(?=(?!\(\w{{1,2}}\)\w){_CLOSE}(?:\s*\Z|\n|\s*[^\w\s'\u2019+#\u2010-\u2015-]|['\u2019](?!\w)"
    rf"|\s+(?:{_REASON}|{readings.KIND_WORD})))"
)
_ANOTHER = re.compile(
    rf"{_CLOSE}\s*\??\s*(?:,|/|&|\bor\b|\band\b)\s*(?:(?:or|and|maybe|perhaps|possibly|even)\s+)*{_OPEN}[A-D](?![\w'\u2019])"
)
# Another option, called or set apart as one: no "vitamin C", no "A+", no "B student".
_ALSO = re.compile(
    r"(?:[^\w\s:'\u2019+-]\s*|(?<=\w):\s*|\s[-+]+\s+|\b(?i:option|choice|letter|answer|so|but|also|as|is|was|be|to|no|it|its"
    r"|it's|that's|thoughts?|read|say|meant?|with|or|and|maybe|perhaps|possibly|probably|actually|rather|really|wait|sorry|than|both|for|choose|pick)\s+)"
    rf"{_OPEN}(?P<letter>[A-D])(?![\w'\u2019+%]|-\w|\.\s*[a-z])"
    rf"(?={_CLOSE}(?:\s*(?:[^\w\s]|\Z)|\s+(?:is|it|was|would|should|then|now|after|too|as|here|instead)\b))"
)
_COMPARED = re.compile(
    r"\b(?:because|since|although|though|while|whereas|(?<!well )as(?! well)|for)\b[^.;!?]*"
    rf"|\b(?:(?:wrong|incorrect)\s+\w+\s+(?:is|was)|not|n't|never|than|instead of|over|unlike)"
    rf"\s+(?:option\s+)?{_OPEN}[A-D]\b{_CLOSE}"
    rf"(?:(?:,|,?\s+(?:and|or|nor))\s+{_OPEN}[A-D]\b{_CLOSE})*",
    re.IGNORECASE,
)
# What is said of several options at once makes none of them the choice.
_TOGETHER = re.compile(r"\b[A-D](?:(?:,\s+[A-D]){2}\b|(?:,\s+[A-D])?,?\s+and\s+[A-D]\b)")
_OR_ANOTHER = re.compile(r"\bor\b[^.]{0,30}(?<![\w'])[A-D](?![\w'])(?!\s+[a-z])")
_SAID = re.compile(
    r"(?i:(?:(?:it['\u2019]s|it\s+is|is|the|option|choice|letter|answer|either|both|definitely|clearly|probably|most\s+likely)"
    rf"[\s:]+)*){_LETTER}"
)
_LETTER_ALONE = re.compile(
    r"\W{0,6}(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter)\s+)?([A-Da-d])"
    r"(?:,\s+(?:clearly|obviously|definitely|certainly|surely|of course))?\W{0,12}"
)

_FITTING = r"(?:(?:final|correct|right|best|only|single|most|likely|probable|appropriate|accurate|plausible)\s+){0,3}"
_SURELY = (
    r"(?:(?:therefore|thus|then|simply|definitely|clearly|certainly|indeed|most\s+likely|probably|actually),?\s+)?"
)
_STATEMENTS = (
    re.compile(
        rf"(?i:(?:(?<![\w'\u2019])(?:the|my|our)\s+|\A|(?<=[:;,] )){_FITTING}(?:answer|choice|option|letter)\b"
        r"(?:\s+(?:to|for|of|here|choice|option|letter|you|we)\b[^.:\n]{0,60}?)?\s*"
        r"(?:(?:is|would\s+be|must\s+be|should\s+be|has\s+to\s+be)\b\s*[:\u2013\u2014-]*|[:=\u2192]|-+>)\s*"
        rf"{_SURELY}(?:either\s+|both\s+)?(?:option|choice|letter|answer)?\s*:?\s*){_LETTER}(?!\.\s*[a-z])"
    ),
    # What the letter belongs to stands before it: so it begins its sentence, or is called an option.
    re.compile(
        rf"(?:\A|(?i:\b(?:option|choice|answer|letter|so|therefore|thus|hence|that),?\s+))(?:the\s+)?{_LETTER}{_CLOSE}\s+"
        rf"(?i:(?:is|must\s+be)\s+{_SURELY}(?:the\s+)?(?:correct|right|best)(?:\s+(?:answer|choice|option|one))?"
        r"(?=\s*(?:[.,;:!)]|\Z|because\b|since\b|as\b|here\b|\W*\Z)))"
    ),
    re.compile(
        r"(?i:\b(?:I|I['\u2019]d|I['\u2019]ll|I['\u2019]m|I\s+would|I\s+will|we|let['\u2019]s)\s+(?:\w+\s+)?"
        r"(?:choose|choosing|pick|picking|select|selecting|go\s+with|going\s+with|go\s+for|say)\s+"
        rf"(?:option|choice|answer|letter)?\s*){_LETTER}"
    ),
    re.compile(
        r"(?i:\b(?:it['\u2019]s|it\s+is|that['\u2019]s|it\s+(?:must|should|would|has\s+to)\s+be|that\s+leaves|leaving)\s+"
        rf"{_SURELY}(?:option|choice|answer|letter)?\s*){_LETTER}(?!{_CLOSE}\.\s*[a-z])"
    ),
)
# "C. difficile" is no label.
_LABEL = re.compile(r"[ \t>#\u2022-]*(?:\(([A-D])\)|\[([A-D])\]|([A-D])(?:[):]|\.(?!\s*[a-z]))(?=\s|\Z))")
_LETTERS_ONLY = re.compile(rf"\W*[A-D]{_ANOTHER.pattern}\W*", re.DOTALL)
_LATER_LABEL = re.compile(r"(?<![\w'])[A-D](?:[):]|\.)\s")


def choice(text: str, finish_reason: str) -> Reading:
    """The letter, A to D, that an answer settles on."""
    plain = re.sub(r"[*_`$]", "", readings.plain_text(unicodedata.normalize("NFKC", text)))
    why = readings.Reasons(NO_CHOICE, SEVERAL_CHOICES)
    return readings.read(plain, finish_reason, _statement, _weaker, why)


def _statement(said: str) -> Reading | None:
    """The choice that stands at the beginning of what is said behind `Answer:` or in a box."""
    said = readings.unboxed(said)
    found = _SAID.match(said)
    if not found:
        return None
    chosen, behind = found["letter"].upper(), found.end("letter")
    if _ANOTHER.match(said, behind) or readings.DENIED.match(said, behind) or _another(said[behind:], chosen):
        return SEVERAL
    return Reading(chosen)


def _another(behind: str, chosen: str) -> bool:
    """Whether the rest of a statement names another option, not only to compare it or to rule it out."""
    rest = _TOGETHER.sub("", _COMPARED.sub("", behind))
    return any(
        also["letter"] != chosen and not readings.DENIED.match(rest, also.end("letter"))
        for also in _ALSO.finditer(rest)
    )


def _weaker(plain: str) -> Iterator[Reading]:
    """Every choice that a sentence states, or that a line is or begins with."""
    sentences = list(readings.sentences(plain))
    for sentence in sentences:
        yield from _stated(sentence)
    labels, alone = [], False
    for sentence in sentences:
        if letter := _LETTER_ALONE.fullmatch(sentence):
            alone = True
            yield Reading(letter[1].upper())
        elif _LETTERS_ONLY.fullmatch(sentence):
            yield SEVERAL
        elif (label := _LABEL.match(sentence)) and not _LATER_LABEL.search(sentence, label.end()):
            labels.append(next(filter(None, label.groups())))
    if len(set(labels)) == 1:
        yield Reading(labels[0])
    elif labels and not alone:
        # The options are gone through, and none is said to be the answer.
        yield SEVERAL


def _stated(sentence: str) -> Iterator[Reading]:
    for form in _STATEMENTS:
        for found in form.finditer(sentence):
            if readings.is_its_own(sentence, found.start("letter")):
                several = _ANOTHER.match(sentence, found.end("letter")) or _OR_ANOTHER.search(
                    sentence, found.end("letter")
                )
                yield SEVERAL if several else Reading(found["letter"].upper())
