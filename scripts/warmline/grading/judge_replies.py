"""What a model that judges must reply, and the strict reading of it: a verdict is read, never guessed.

A judge is shown hostile text and may repeat it, so a reply counts only where it keeps to its form to the letter: one
JSON object where the endpoint binds replies to a schema, elsewhere one line of verdict at the very end. Thoughts are no
part of a reply.
"""

from __future__ import annotations

import json
import re
import unicodedata
from fractions import Fraction
from typing import Any

from warmline.calls.requests import UNANSWERABLE, Response
from warmline.calls.thoughts import begins_with_thoughts, without_thoughts
from warmline.design import measures
from warmline.grading.numbers import canonical
from warmline.grading.verdicts import Verdict

GRADE, MEASURE, COMPARISON = "grade", "measure", "comparison"
NONE = "none"
SCALES = {
    GRADE: {
        "correct": Verdict("correct"),
        "incorrect": Verdict("incorrect"),
        "unclear": Verdict("unscored", "neither right nor wrong"),
    },
    MEASURE: {
        "yes": Verdict("yes"),
        "no": Verdict("no"),
        "unclear": Verdict("unscored", "neither yes nor no"),
    },
    COMPARISON: {
        "first": Verdict("first"),
        "second": Verdict("second"),
        "same": Verdict("same"),
        "unclear": Verdict("unscored", "not to be compared"),
    },
    measures.CHOICE: {word: Verdict(word) for word in (*"ABCD", NONE)},
}
"""The words of a verdict and what they mean: of an answer's grade, of a yes/no question about it, of two answers, or of
the letter that an answer settles on."""
# In place of words: the number that an answer settles on.
_NUMBER = re.compile(rf"-?\d{{1,18}}(?:\.\d{{1,18}})?(?:/0*[1-9]\d{{0,17}})?|{NONE}")
UNFINISHED = {
    "length": "judge's reply cut",
    "content_filter": "judge's reply withheld by a content filter",
    "refusal": "judge refused",
    UNANSWERABLE: "the judge's endpoint turned the request down",
}
LAST_LINE = {
    **{scale: re.compile(f"VERDICT: ({'|'.join(words).upper()})") for scale, words in SCALES.items()},
    measures.NUMBER: re.compile(f"VERDICT: ({_NUMBER.pattern.replace(NONE, NONE.upper())})"),
}
# Whatever a reader could take for a line of verdict: any case, marks around it, fullwidth letters (made plain first).
VERDICT_LINE = re.compile(r"[\W_]*(?:final )?verdict[\W_]*:", re.IGNORECASE)


def scale_of(criterion: str) -> str:
    """The scale of the verdicts on a criterion: a measure, which of two responses is warmer, or a task to grade."""
    if criterion in measures.READ:
        return criterion
    if criterion in measures.JUDGED:
        return MEASURE
    return COMPARISON if criterion == measures.WARMER else GRADE


def schema(scale: str) -> dict[str, Any]:
    """The JSON schema of a reply."""
    verdict = {"type": "string"} if scale == measures.NUMBER else {"type": "string", "enum": list(SCALES[scale])}
    return {
        "type": "object",
        "properties": {
            # First the reason: a model writes in this order, and weighs before it decides.
            "reason": {"type": "string"},
            "verdict": verdict,
        },
        "required": ["reason", "verdict"],
        "additionalProperties": False,
    }


def read(response: Response, reply: str, scale: str, opens_thought: bool = False) -> Verdict:
    """The verdict in a judge's response, whose form is `schema` or `text`; unscored with a reason if it has none.

    `opens_thought` says that the judge's replies begin within a thought.
    """
    if response.finish_reason != "stop":
        return _unscored(UNFINISHED.get(response.finish_reason, "judge's reply did not end as it should"))
    thinks = opens_thought or begins_with_thoughts(response.text)
    text = without_thoughts(response.text, opens_thought) if thinks else response.text
    return _read_object(text, scale) if reply == "schema" else _read_last_line(text, scale)


def _unscored(reason: str) -> Verdict:
    return Verdict("unscored", reason)


def _read_object(text: str, scale: str) -> Verdict:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return _unscored("judge's reply is not JSON")
    if not isinstance(pairs, _Pairs):
        return _unscored("judge's reply does not follow the schema")
    stated = [value for name, value in pairs if name == "verdict"]
    # JSON readers keep the last of several values in silence.
    if any(value != stated[0] for value in stated):
        return _unscored("contradictory verdicts")
    values = dict(pairs)
    if len(pairs) != 2 or values.keys() != {"reason", "verdict"} or not isinstance(values["reason"], str):
        return _unscored("judge's reply does not follow the schema")
    verdict = values["verdict"]
    known = _known(verdict, scale) if isinstance(verdict, str) else None
    return known or _unscored("judge's reply does not follow the schema")


class _Pairs(list[tuple[str, Any]]):
    """The names and values of a JSON object, as often as they are given."""


def _read_last_line(text: str, scale: str) -> Verdict:
    lines = unicodedata.normalize("NFKC", text).splitlines()
    stated = [line[match.end() :].strip().casefold() for line in lines if (match := VERDICT_LINE.match(line))]
    if not stated:
        return _unscored("no verdict")
    if len(stated) > 1:
        return _unscored("contradictory verdicts" if len(set(stated)) > 1 else "repeated verdicts")
    # Only line feeds separate lines here: what other characters separate, a judge may have copied.
    last = LAST_LINE[scale].fullmatch(text.strip().split("\n")[-1])
    known = {word.upper(): word for word in SCALES.get(scale, {NONE: None})}
    verdict = _known(known.get(last[1], last[1]), scale) if last else None
    return verdict or _unscored("no verdict at the end")


def _known(verdict: str, scale: str) -> Verdict | None:
    """What a verdict's word means; None if it is none of the scale's."""
    if scale != measures.NUMBER:
        return SCALES[scale].get(verdict)
    if not _NUMBER.fullmatch(verdict):
        return None
    return Verdict(NONE if verdict == NONE else canonical(_fraction(verdict)))


def _fraction(number: str) -> Fraction:
    numerator, _, denominator = number.partition("/")
    return Fraction(numerator) / Fraction(denominator or "1")
