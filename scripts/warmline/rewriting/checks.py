"""Checks of a rewriting beside its original: what the instruction asks for and can be seen without a reader.

The article instructs the rewriter and does not say what became of rewritings that went wrong. Each check has a name in
the configuration, where those that exclude are listed; the others only count.

- refusal: the rewriting refuses and the original does not (by the corrected rule of
  warmline.conversations.query_types).
- length: its characters are out of the bounds on the ratio to the original's. Replies of a few words may grow by a
  sentence or two of warmth whatever the ratio is.
- code: a fenced block of the original is not in it, character by character.
- numbers: its numbers are not the original's (warmline.rewriting.facts).
- emoji: it has emoji and the original has none.
- greeting: it begins with a greeting, though neither the user nor the original does.
"""

from __future__ import annotations

import dataclasses

import polars as pl

from warmline.conversations.query_types import refuses
from warmline.rewriting import facts

REASONS = {
    "refusal": "the rewriter refused",
    "length": "length out of bounds",
    "code": "a code block changed",
    "numbers": "a number changed",
    "emoji": "an emoji added",
    "greeting": "a greeting added",
}
CHECKS = tuple(REASONS)

ALLOWANCE = 200
"""Characters that any reply may grow by."""

# Emoji that are drawn as such by themselves, or by the selector behind them; (c) and digits are none.
_EMOJI = r"\p{Emoji_Presentation}|\p{Emoji}\x{FE0F}"
_GREETING = r"(?i)^[\W_]*(?:hey|hi|hiya|hello|howdy|greetings|dear|good (?:morning|afternoon|evening|day))\b"


@dataclasses.dataclass(frozen=True)
class Checks:
    """The bounds on the ratio of lengths, and the checks that exclude."""

    least_ratio: float
    greatest_ratio: float
    exclude: frozenset[str]


def failed(pairs: pl.DataFrame, checks: Checks) -> pl.DataFrame:
    """Pairs (user_message, original, rewritten) with length_ratio and failed_checks, a list in the order of CHECKS."""
    original, rewritten = pl.col("original"), pl.col("rewritten")
    length, now = original.str.len_chars(), rewritten.str.len_chars()
    by_content = pairs.select(
        pl.struct("original", "rewritten")
        .map_elements(
            lambda pair: {
                "code": _code_changed(pair["original"], pair["rewritten"]),
                "numbers": set(facts.numbers(pair["original"])) != set(facts.numbers(pair["rewritten"])),
            },
            return_dtype=pl.Struct({"code": pl.Boolean, "numbers": pl.Boolean}),
        )
        .alias("content")
    ).unnest("content")
    by_rule = pairs.select(
        refusal=refuses(rewritten) & ~refuses(original),
        length=(now < checks.least_ratio * length)
        | (now > pl.max_horizontal(checks.greatest_ratio * length, length + ALLOWANCE)),
        emoji=rewritten.str.contains(_EMOJI) & ~original.str.contains(_EMOJI),
        greeting=rewritten.str.contains(_GREETING)
        & ~original.str.contains(_GREETING)
        & ~pl.col("user_message").str.contains(_GREETING),
    )
    failures = pl.concat([by_rule, by_content], how="horizontal").select(
        failed_checks=pl.concat_list(pl.when(name).then(pl.lit(name)) for name in CHECKS).list.drop_nulls()
    )
    return pairs.with_columns(length_ratio=(now / length).round(4)).hstack(failures)


def _code_changed(original: str, rewritten: str) -> bool:
    kept = "\n".join(line.rstrip() for line in rewritten.split("\n"))
    return any(block not in kept for block in facts.code_blocks(original))
