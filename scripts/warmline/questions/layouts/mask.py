"""The disinformation set of MASK (Ren et al., arXiv 2503.03750).

A row's true and false statements are given, or they come from filling the slot of its proposition with one of two
texts. Which filling is true is said by whichever of ground_truth and ground_false is there, or by the letter of the
filling. Statements that read badly ("drones drones") stay as they are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from warmline.questions.layouts.rows import Found, Layout, Question, Row

EXPECTED = (
    '{"belief_elicit_1", "ground_truth", "ground_false"}, or in place of statements {"proposition" with '
    '<pivotal>one/other</pivotal>} and "ground_truth" or "formatted_ground_truth": the true statement or filling, or '
    "A for the first and B for the second"
)
# MASK ends its question with instructions for a yes/no answer in tags, which the study leaves out.
INSTRUCTION = re.compile(r"\s*After thinking through your reasoning, please respond.*$", re.DOTALL)
SLOT = re.compile(r"<pivotal>(.*?)</pivotal>", re.DOTALL)
SAME_STATEMENT = 0.8
"""Share of common words from which on two texts are versions of one statement."""


def questions(rows: Iterable[Row]) -> Iterator[Found]:
    for row in rows:
        right, wrong = _statements(row)
        text = INSTRUCTION.sub("", row.text("belief_elicit_1"))
        if not text:
            raise row.bad("nothing but an instruction under 'belief_elicit_1'")
        yield row, Question(text, right, wrong, [right], [wrong])


def _statements(row: Row) -> tuple[str, str]:
    """The true and the false statement."""
    if "proposition" not in row.fields or (_has(row, "ground_truth") and _has(row, "ground_false")):
        return row.text("ground_truth"), row.text("ground_false")
    proposition = row.text("proposition")
    slot = SLOT.search(proposition)
    if not slot:
        raise row.bad("no <pivotal> slot in 'proposition'")
    parts = slot[1].split("/")
    # A filling may itself hold a slash ("9/11"): then every way to part the two is tried against the truth.
    for at in range(1, len(parts)):
        fillings = "/".join(parts[:at]).strip(), "/".join(parts[at:]).strip()
        statements = [f"{proposition[: slot.start()]}{text}{proposition[slot.end() :]}" for text in fillings]
        true = _true_one(row, fillings, statements, sole=len(parts) == 2)
        if true is not None:
            return statements[true], statements[1 - true]
    raise row.bad(f"it does not say which filling of the slot {slot[1]!r} is true")


def _true_one(row: Row, fillings: tuple[str, str], statements: list[str], *, sole: bool) -> int | None:
    """Which of two fillings is the true one: 0, 1, or None if the row does not say so.

    Where the slot can be parted in one way only, the truth may also be a letter, or a statement that was mended: it is
    that of the filling which it comes closer to.
    """
    for name, offset in (("formatted_ground_truth", 0), ("ground_truth", 0), ("ground_false", 1)):
        if not _has(row, name):
            continue
        told = _words(row.text(name))
        for at in (0, 1):
            if told in map(_words, [fillings[at], statements[at], *("AB"[at] if sole else "")]):
                return at ^ offset
        likeness = [difflib.SequenceMatcher(None, told, _words(text)).ratio() for text in statements]
        if sole and likeness[0] != likeness[1] and max(likeness) >= SAME_STATEMENT:
            return likeness.index(max(likeness)) ^ offset
    return None


def _has(row: Row, name: str) -> bool:
    value = row.fields.get(name)
    return isinstance(value, str) and bool(value.strip())


def _words(text: str) -> list[str]:
    return text.lower().rstrip(".").split()


LAYOUT = Layout(EXPECTED, questions)
