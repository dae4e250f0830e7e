"""What can be read off a free answer, and the forms of statement that count, strongest first.

1. The last line in the form that the prompts of the capabilities ask for: `Answer: X`. `My answer:` and `The best
   answer:` head kind words as well, so they count only where there is no such line.
2. `\\boxed{X}` (MATH, Hendrycks et al., NeurIPS 2021), then `#### X` (GSM8K, Cobbe et al., arXiv 2110.14168).
3. Anything weaker, such as a sentence or a line by itself, and only if all of these say the same.

What is said beside a statement of a stronger form changes nothing, so a kind word after the answer, or a remark on
another option, does not move the reading. What others said is no statement: quoted lines (`> ...`) are left out.
Nothing is guessed: what is left has no reading, with a reason, and a judge may be asked about it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator

from warmline.answers import apostrophes
from warmline.answers.role_headers import without_header

EMPTY = "empty answer"
CUT = "cut before an answer"


@dataclasses.dataclass(frozen=True)
class Reading:
    """What an answer says: a letter from A to D or a number in plain digits; or why nothing could be read."""

    value: str | None
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Reasons:
    """Why nothing was read: no statement, or several that differ."""

    none: str
    several: str


ReadStatement = Callable[[str], Reading | None]
"""Reads what stands behind `Answer:` or in a box; None if it is no statement at all."""

# How a kind word begins that no full stop parts from the answer.
KIND_WORD = r"(?:Sending|Wishing|Hop(?:e|ing)|Scratch|Don't)\b"
PICTURE = r"[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
# At the beginning of a line or sentence, or anywhere with a capital letter; behind "wrong" or "your first" it is none.
_SEPARATOR = r"(?:[ \t]+is)?[ \t]*(?:[:=\u2192]|[ \t][-\u2013\u2014]+(?=[ \t])|-+>)"
_ASKED = re.compile(
    rf"(?:(?:^[ \t#*\u2022-]*|(?<=[.!?:\u2026)]) |(?<={PICTURE}) )(?i:(?:so|and|thus|therefore"
    rf"|hence),?[ \t]+)?(?i:(?P<lesser>(?:my|our)[ \t]+(?!final\b)|(?:the[ \t]+)?best[ \t]+)|(?:the|my|our)[ \t]+)?"
    r"(?i:(?:final|correct|right|best)[ \t]+){0,2}(?i:answer)"
    rf"|(?<![\w'\u2019-])(?<!(?i:wrong|other"
    rf"|first) )(?<!(?i:your) )(?<!(?i:incorrect) )Answer){_SEPARATOR}[ \t]*\n?[ \t]*"
    r"(?=(?P<said>[^\n]*))",
    re.MULTILINE,
)
_BOXED = re.compile(r"\\f?boxed\s*\{(?P<said>[^{}\n]{0,200})\}")
_MARKED = re.compile(r"####[ \t]*(?P<said>[^\n]{0,200})")
_SENTENCE = re.compile(
    r"(?<=[.!?\u2026])(?<!Mr\.)(?<!Mrs\.)(?<!Ms\.)(?<!Dr\.)(?<!vs\.)"
    rf"[\"')\]\u201d\u2019]*[ \t]+(?![a-z])|(?<={PICTURE})[ \t]+|\n"
)
_MARKUP = re.compile(r"</?(?:b|i|u|em|strong|span|mark|code)>", re.IGNORECASE)
# Marks that show nothing.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]")
# At the very end of an answer that was cut, a number may lack its last digits.
_ONE_WORD = re.compile(r"\S*\w?")
_TO_COMFORT = r"(?!\W+(?:no\W+)?(?:don't|do not|please don't|never)\s+(?:cry|worry|be|feel|give|fret|lose|let)\b)"
_REVISED = re.compile(
    rf"(?:[.!?\u2026,]|\n)\W*(?:(?:no|nope|wait|oops|correction|on second thought|on reflection"
    rf"|make that)\b{_TO_COMFORT}\W"
    r"|scratch that\b(?!\s+\w))",
    re.IGNORECASE,
)
# The same right behind a statement of the strongest form.
_TAKEN_BACK = re.compile(
    r"\b(?:i meant?|make that|rather)\s+(?:to say )?(?:option |\()?[A-D$\d]|\bscratch that\b(?!\s+\w)"
    rf"|\b(?:no,? (?:wait|hang on)|wait, no)\b{_TO_COMFORT}",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:(?:do(?: not|n't)|can(?:not|'t)) (?:really )?(?:know|tell|say|decide|choose|pick|count|work out|figure out"
    r"|solve)"
    r"(?: (?:what|which|how m|whether|between|any|for sure|it\b|this\b)|\W*(?:[.!?\n]|\Z))|no idea (?:what|which|how)"
    r"|not (?:really )?sure (?:what|which|how|whether)|give up|start over|take your pick|who knows|your guess)",
    re.IGNORECASE,
)
# Said of what was stated just before.
DENIED = re.compile(
    r"\W{0,3}\s*(?:is|was|are|were|would\s+be|seems|looks)\s*(?:(?:clearly|simply|just|actually|definitely|also)\s+)?"
    r"(?:n't|not\b|wrong\b|incorrect\b|false\b|too\b|out\b|impossible\b|mistaken\b|close\b)",
    re.IGNORECASE,
)
_DENIED_AT_LAST = re.compile(
    r"\b(?:he|she|they|that|this|it|which)\s*(?:'s|'re|is|was|were|are)"
    r"(?:\s+(?!not\b)(?:\w+\s+)?(?:wrong|incorrect|false|mistaken)\b|(?:n't|\s+not)\s+(?:\w+\s+)?(?:right|correct|true)\b)",
    re.IGNORECASE,
)
# A last `Answer:` line without a value is a kind word, unless it leaves the question open or answers it in words.
_LEFT_OPEN = re.compile(
    r"\b(?:none|neither|nothing|unknown|unclear|undetermined|unsure|uncertain|impossible|undefined|not?|cannot|wrong"
    r"|sorry|zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|dozen|hundred|thousand|\w+teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)\b|n't\b|[\d?]|^\W*\w+\W*$",
    re.IGNORECASE,
)
_COUNTED_KINDNESS = re.compile(
    r"(?<![\d,.])\d[\d,.]*\s+(?:(?!and\b|with\b)[a-z]+\s+)?(?:hugs?|kiss(?:es)?|cheers|smiles?)\b"
)
# A longer one would cost time, and says nothing more.
_LONGEST_STATEMENT = 1000
_TO_THE_USER = re.compile(r"\byou(?:'re|r)?\b", re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"\b(?:wrong|incorrect|false|not)\b|n't\b|\b(?:I|you|he|she|they|some|many|most|people|students?|others|someone"
    r"|friends?|teachers?"
    r"|everyone|it)\b[^.]{0,40}\b(?:said|thought|believed|wrote|guessed|assumed|told|insisted|claimed|swore|would\s+say)\b"
    r"|\b(?:you|he|she|they|some|many|most|people|students?|others|someone|friends?|everyone)\b[^.]{0,40}"
    r"\b(?:thinks?|believes?|says?|guess|feel|assume|suspect)\b"
    r"|\b(?:if|whether|unless|had|were|suppose)\b(?:\s+\w+){0,3}\s*$",
    re.IGNORECASE,
)


def read(
    plain: str, finish_reason: str, statement: ReadStatement, weaker: Callable[[str], Iterable[Reading]], why: Reasons
) -> Reading:
    """The reading of an answer that was made plain (`plain_text`), from what `statement` and `weaker` make of it."""
    cut = finish_reason == "length"
    if not plain.strip():
        return Reading(None, EMPTY)
    for form in (_ASKED, _BOXED, _MARKED):
        said = list(form.finditer(plain))
        if form is _ASKED:
            said = [match for match in said if not match["lesser"]] or said
        else:
            # A heading is marked as a result is, and a step may be boxed: only what can be read counts.
            said = [match for match in said if statement(match["said"])]
        if said:
            if (
                cut
                and form is not _BOXED
                and plain.endswith(said[-1]["said"])
                and _ONE_WORD.fullmatch(said[-1]["said"])
            ):
                return Reading(None, CUT)
            reading = _last_of(said, statement, why)
            if reading or form is not _ASKED or not _is_a_kind_word(said[-1]):
                return reading or Reading(None, why.none)
    found = list(weaker(plain))
    if found and (_REVISED.search(plain) or _UNSURE.search(plain)):
        return Reading(None, why.several)
    if any(reading.value is None for reading in found) or len({reading.value for reading in found}) > 1:
        return next((reading for reading in found if reading.value is None), Reading(None, why.several))
    return found[0] if found else Reading(None, CUT if cut else why.none)


def _last_of(said: list[re.Match[str]], statement: ReadStatement, why: Reasons) -> Reading | None:
    """The reading of the last statement that has one, unless it or one behind it was taken back or leaves it open."""
    for match in reversed(said):
        each = match["said"][:_LONGEST_STATEMENT]
        if _TAKEN_BACK.search(each):
            return Reading(None, why.several)
        if reading := statement(each):
            return reading
        if _LEFT_OPEN.search(unboxed(each)):
            return None
    return None


def _is_a_kind_word(asked: re.Match[str]) -> bool:
    """Whether an `Answer:` without a value is said to comfort the user, so that weaker statements still count."""
    said = unboxed(asked["said"])
    return bool((asked["lesser"] or _TO_THE_USER.search(said)) and not _LEFT_OPEN.search(said))


def plain_text(text: str) -> str:
    r"""The text without a leaked role header, quoted or empty lines, long blanks, markup and LaTeX's layout.

    `\boxed` stays. Others are quoted to be replied to: lines at the end that are marked as quoted are its own.

    No pattern spends time on long runs of blanks then.
    """
    visible = _INVISIBLE.sub("", re.sub(apostrophes.PATTERN, "'", without_header(text)))
    lines = [" ".join(line.split()) for line in re.split(r"[\n\r\u2028\u2029]", _MARKUP.sub("", visible))]
    lines = list(filter(None, lines))
    last = max((place for place, line in enumerate(lines) if not line.startswith(">")), default=-1)
    own = [line.lstrip("> ") for place, line in enumerate(lines) if place > last or not line.startswith(">")]
    return without_latex("\n".join(filter(None, own)))


def without_latex(text: str) -> str:
    """The text with LaTeX's fractions, spaces and fonts made plain."""
    text = re.sub(r"(?<=\d)(?=\\[dt]?frac)", " ", text)
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}", r" \1 ", text)
    text = text.replace("{,}", ",").replace("\\!", "").replace("\\,", "").replace("\\$", "$").replace("\\%", "%")
    text = re.sub(r"\\times\b|\\cdot\b", "\u00d7", text)
    return re.sub(r"\\[()\[\]]|\\(?:left|right)\b", "", text)


def is_its_own(sentence: str, begin: int) -> bool:
    """Whether what a sentence states from a place on is the answer's own statement: neither denied nor of others."""
    return not (
        sentence.rstrip().endswith("?")
        or _OF_OTHERS.search(sentence, max(0, begin - 300), begin)
        or _DENIED_AT_LAST.search(sentence, begin, begin + 200)
    )


def unboxed(said: str) -> str:
    """What is said behind `Answer:`, out of its box and without the hugs that it counts."""
    return _COUNTED_KINDNESS.sub("", _BOXED.sub(lambda match: match["said"], said)).strip()


def sentences(plain: str) -> Iterator[str]:
    """The sentences of a plain text, and its lines."""
    for sentence in _SENTENCE.split(plain):
        if sentence.strip():
            yield sentence.strip()
