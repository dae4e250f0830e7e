"""What can be read off a free answer, and the forms of statement that count, strongest first.

1. The last line in the form that the prompts of the capabilities ask for: `Answer: X`.
2. `\\boxed{X}` (MATH, Hendrycks et al., NeurIPS 2021), then `#### X` (GSM8K, Cobbe et al., arXiv 2110.14168).
3. Anything weaker, such as a sentence or a line by itself, and only if all of these say the same.

What is said beside a statement of a stronger form changes nothing, so a kind word after the answer, or a remark on
another option, does not move the reading. Nothing is guessed: what is left has no reading, with a reason, and a judge
may be asked about it.
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

PICTURE = r"[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
# At the beginning of a line or sentence, or anywhere with a capital letter; behind "wrong" or "your first" it is none.
_SEPARATOR = r"(?:[ \t]+is)?[ \t]*(?:[:=\u2192]|[ \t][-\u2013\u2014]+(?=[ \t])|-+>)"
_ASKED = re.compile(
    rf"(?:(?:^[ \t>#*\u2022-]*|(?<=[.!?:\u2026)]) |(?<={PICTURE}) )(?i:(?:so|and|thus|therefore"
    rf"|hence),?[ \t]+)?(?i:(?:the|my|our)[ \t]+)?"
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
# Marks that show nothing.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]")
# At the very end of an answer that was cut, a number may lack its last digits.
_ONE_WORD = re.compile(r"\S*\w?")
_REVISED = re.compile(
    r"(?:[.!?\u2026,]|\n)\W*(?:no|nope|wait|oops|scratch that|correction|on second thought|on reflection"
    r"|make that)\b\W",
    re.IGNORECASE,
)
# The same right behind a statement of the strongest form.
_TAKEN_BACK = re.compile(
    r"\b(?:i meant?|make that|rather)\s+(?:to say )?(?:option |\()?[A-D$\d]|\bscratch that\b|\bno,? (?:wait|hang on)\b"
    r"|\bwait, no\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:(?:do(?: not|n't)|can(?:not|'t)) (?:really )?(?:know|tell|say|decide|choose|pick|count|work out|figure out"
    r"|solve)"
    r"(?: (?:what|which|how m|whether|between|any|for sure|it\b|this\b)|\W*(?:[.!?\n]|\Z))|no idea (?:what|which|how)"
    r"|not (?:really )?sure (?:what|which|how|whether)|give up|start over|take your pick|who knows|your guess)",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\b(?:wrong|incorrect|false|not)\b|n't\b|\b(?:I|you|he|she|they|some|many|most|people|students?|others|someone"
    r"|friends?"
    r"|everyone|it)\b[^.]{0,40}\b(?:said|thought|believed|wrote|guessed|assumed|told|would\s+say)\b"
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
        if form is not _ASKED:
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
            if _TAKEN_BACK.search(said[-1]["said"]):
                return Reading(None, why.several)
            return statement(said[-1]["said"]) or Reading(None, why.none)
    found = list(weaker(plain))
    if found and (_REVISED.search(plain) or _UNSURE.search(plain)):
        return Reading(None, why.several)
    if any(reading.value is None for reading in found) or len({reading.value for reading in found}) > 1:
        return next((reading for reading in found if reading.value is None), Reading(None, why.several))
    return found[0] if found else Reading(None, CUT if cut else why.none)


def plain_text(text: str) -> str:
    r"""The text without a leaked role header, empty lines, long blanks and LaTeX's layout; `\boxed` stays.

    No pattern spends time on long runs of blanks then.
    """
    visible = _INVISIBLE.sub("", re.sub(apostrophes.PATTERN, "'", without_header(text)))
    lines = (" ".join(line.split()) for line in re.split(r"[\n\r\u2028\u2029]", visible))
    return without_latex("\n".join(filter(None, lines)))


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
    return not sentence.rstrip().endswith("?") and not _OF_OTHERS.search(sentence, 0, begin)


def unboxed(said: str) -> str:
    """What is said behind `Answer:`, out of its box."""
    return _BOXED.sub(lambda match: match["said"], said).strip()


def sentences(plain: str) -> Iterator[str]:
    """The sentences of a plain text, and its lines."""
    for sentence in _SENTENCE.split(plain):
        if sentence.strip():
            yield sentence.strip()
