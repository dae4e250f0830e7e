"""Fact check: which numbers, named entities and pieces of code of a reply survived its rewriting.

The article's instruction keeps facts, and one author read 50 pairs; here every pair is compared by rule. No model of
language takes part, so the rules are simple, and a paraphrase ("seven" for 7) counts as a loss:

- code is what stands in fences (``` or ~~~) or single backticks, compared character by character but for blanks at the
  ends of lines. It is taken out before the other two are looked for;
- a number is a run of digits with inner points, commas, colons or slashes; 1,000 is 1000, and the numbers that count
  the items of a list are none;
- a named entity is a sequence of two or more capitalised words, which of, of the, and, de, van and von may join, less
  words that only begin a sentence ("The", "In"); or an acronym of two or more capital letters. It survives if the
  rewriting holds it in any case.

Each is counted once a reply, however often it stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import polars as pl

from warmline.tables.facts import FACTS

_FENCED = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LIST_MARKER = re.compile(r"^[ \t>*_#]*\d{1,3}[.)](?=[ \t*_])", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_WORD = r"[A-Z][\w'&-]*"
_ENTITY = re.compile(rf"\b{_WORD}(?: (?:(?:of the|of|and|de|van|von) )?{_WORD})+")
_ACRONYM = re.compile(r"\b[A-Z]{2,}[A-Z0-9]*\b")
# Words that begin a sentence and no name.
_OPENER = re.compile(
    r"a|after|although|an|and|as|at|because|before|but|by|do|does|each|every|first|for|from|here|how|however|i(?:'\w+)?|if"
    r"|in|is|it|its|let|many|most|my|no|not|of|on|one|or|our|please|she|he|so|some|that|the|then|there|these|they|this"
    r"|those|to|try|use|we|what|when|where|which|while|who|why|with|yes|you(?:'\w+)?|your",
    re.IGNORECASE,
)


def code_blocks(text: str) -> list[str]:
    """The contents of fenced blocks; a fence that nothing closes reaches to the end."""
    return _distinct(_without_line_ends(match[2]) for match in _FENCED.finditer(text))


def code(text: str) -> list[str]:
    """The contents of fenced blocks and of single backticks."""
    return _distinct([*code_blocks(text), *(match[1].strip() for match in _INLINE.finditer(_FENCED.sub("\n", text)))])


def numbers(text: str) -> list[str]:
    """The numbers outside code."""
    prose = _LIST_MARKER.sub("", _prose(text))
    found = (match[0] for match in _NUMBER.finditer(prose))
    return _distinct(number.replace(",", "") if _THOUSANDS.fullmatch(number) else number for number in found)


def entities(text: str) -> list[str]:
    """The named entities outside code."""
    prose = _prose(text).replace("\u2019", "'").replace("*", "").replace("_", " ")
    names = []
    for match in _ENTITY.finditer(prose):
        words = match[0].split(" ")
        while words and _OPENER.fullmatch(words[0]):
            words = words[1:]
        if sum(word[0].isupper() for word in words) > 1:
            names.append(" ".join(words).removesuffix("'s"))
    return _distinct([*names, *(match[0] for match in _ACRONYM.finditer(prose))])


KINDS: dict[str, Callable[[str], list[str]]] = {"numbers": numbers, "entities": entities, "code": code}


def lost(kind: str, original: str, rewritten: str) -> list[str]:
    """The facts of a kind that stand in the original and not in the rewriting."""
    found = KINDS[kind](original)
    if kind == "numbers":
        kept = set(numbers(rewritten))
        return [number for number in found if number not in kept]
    text = _without_line_ends(rewritten)
    if kind == "entities":
        text = " ".join(text.replace("\u2019", "'").replace("*", "").replace("_", " ").split()).casefold()
        return [name for name in found if not re.search(rf"\b{re.escape(name.casefold())}\b", text)]
    return [piece for piece in found if piece not in text]


def check(rewrites: pl.DataFrame) -> pl.DataFrame:
    """The table FACTS from the kept rows of rewriting.REWRITES."""
    rows = [
        (
            row["conversation"],
            row["turn"],
            kind,
            len(extract(row["original"])),
            lost(kind, row["original"], row["rewritten"]),
            lost(kind, row["rewritten"], row["original"]),
        )
        for row in rewrites.filter(pl.col("outcome") == "kept").iter_rows(named=True)
        for kind, extract in KINDS.items()
    ]
    return pl.DataFrame(rows, schema=FACTS.schema, orient="row")


def summarise(facts: pl.DataFrame) -> pl.DataFrame:
    """A row for each kind: the table FACT_COUNTS."""
    has = pl.col("facts") > 0
    gone = pl.col("lost").list.len()
    counted = facts.group_by("kind").agg(
        replies=has.sum(),
        intact=(has & (gone == 0)).sum(),
        facts=pl.col("facts").sum(),
        survived=(pl.col("facts") - gone).sum(),
        added=pl.col("added").list.len().sum(),
    )
    rows = pl.DataFrame({"kind": list(KINDS)}).join(counted, on="kind", how="left", maintain_order="left")
    return rows.with_columns(pl.exclude("kind").fill_null(0).cast(pl.Int64))


def _prose(text: str) -> str:
    return _INLINE.sub(" ", _FENCED.sub("\n", text))


def _without_line_ends(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _distinct(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in found if text))
