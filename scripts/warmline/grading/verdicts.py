"""Verdicts: correct or incorrect, of a yes/no question yes or no, of two answers first, second or same; the letter or
number that an answer settles on, or none; or unscored with a reason, and never a guess (lineage rule 10)."""

from __future__ import annotations

import dataclasses

UNSCORED = "unscored: "


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`verdict` is one of these words, or what was read; `reason` says why it is unscored."""

    verdict: str
    reason: str | None = None


def as_text(verdict: Verdict) -> str:
    """A verdict as a judge states it."""
    return f"{UNSCORED}{verdict.reason}" if verdict.verdict == "unscored" else verdict.verdict


def read(text: str) -> Verdict:
    """The verdict in a judge's text; anything but one of the agreed words is unscored."""
    if text in ("correct", "incorrect"):
        return Verdict(text)
    if text.startswith(UNSCORED):
        return Verdict("unscored", text.removeprefix(UNSCORED))
    return Verdict("unscored", "the judge's text is no verdict")
