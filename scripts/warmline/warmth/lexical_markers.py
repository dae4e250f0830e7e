"""Lexical markers of warmth: a check beside SocioT that hangs on no language model.

The article names what warm writing shows: empathy, validation, encouragement, inclusive pronouns, an informal register.
Each is counted by a list of words and phrases that anyone can read and change, as a rate per 100 words. A list sees
neither irony nor negation, so a rate means little by itself: arms that answered the same prompts are compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import yaml

from warmline.answers import apostrophes
from warmline.answers.generations import graded_text
from warmline.lineage.errors import UserError
from warmline.models.cards import Arm

WORD = r"\w+(?:['-]\w+)*"


def read(path: Path) -> dict[str, list[str]]:
    """The entries of each marker. Raises UserError for a file of another form, or an entry without a sign in it."""
    try:
        lists = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML: {error}") from error
    form = "Expected for each marker `entries`, a list of texts; put quotes around yes, no and numbers."
    if not isinstance(lists, dict) or not lists:
        raise UserError(f"{path}: no markers found. {form}")
    markers = {}
    for marker, values in lists.items():
        entries = values.get("entries") if isinstance(values, dict) else None
        if not isinstance(entries, list) or not entries:
            raise UserError(f"{path}, {marker}: no entries found. {form}")
        for entry in entries:
            if not isinstance(entry, str) or not entry.strip(" *"):
                raise UserError(f"{path}, {marker}: {entry!r} is no entry. {form}")
        markers[str(marker)] = [str(entry) for entry in entries]
    return markers


def pattern(entries: Sequence[str]) -> str:
    """A regular expression that finds any of the entries in a text that `normalised` went over.

    An entry stands for itself between word boundaries; a star in it for any letters, and a blank for blanks. Where
    several entries begin at one place, the longest counts, once.
    """
    plain = (" ".join(re.sub(apostrophes.PATTERN, "'", entry.lower()).split()) for entry in entries)
    return "|".join(_bounded(entry) for entry in sorted(plain, key=len, reverse=True))


def _bounded(entry: str) -> str:
    words = re.escape(entry).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    before, after = (r"\b" if re.match(r"[\w*]", end) else "" for end in (entry[0], entry[-1]))
    return before + words + after


def normalised(text: pl.Expr) -> pl.Expr:
    """Texts in small letters with one kind of apostrophe."""
    return text.str.to_lowercase().str.replace_all(apostrophes.PATTERN, "'")


def count(answered: pl.DataFrame, arm: Arm, markers: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """The table MARKERS of an arm's responses (warmline.tables.generations.GENERATIONS)."""
    text = normalised(graded_text())
    words = text.str.count_matches(WORD)
    return pl.concat(
        answered.select("item", marker=pl.lit(marker), count=text.str.count_matches(pattern(entries)), words=words)
        for marker, entries in markers.items()
    ).with_columns(
        model=pl.lit(arm.model),
        arm=pl.lit(arm.arm),
        persona=pl.lit(arm.persona, dtype=pl.String),
        checkpoint=pl.lit(arm.checkpoint, dtype=pl.Float64),
        rate=pl.when(pl.col("words") > 0).then(100 * pl.col("count") / pl.col("words")),
    )
