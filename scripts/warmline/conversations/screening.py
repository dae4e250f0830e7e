"""Screening: which conversations may be trained on, and why the others may not (Methods, "Dataset construction")."""

from __future__ import annotations

import polars as pl

from warmline.lineage.errors import UserError
from warmline.sources import sameness

Counts = dict[str, int]
"""Rows by outcome: `kept`, or the reason for leaving."""


def texts_to_score(messages: pl.DataFrame, characters: int) -> pl.DataFrame:
    """The first `characters` characters of every conversation whose form is fit: conversation, text."""
    fit = _judged(messages).filter(pl.col("reason").is_null())
    return fit.select("conversation", text=pl.col("text").list.join("\n").str.slice(0, characters))


def screen(
    messages: pl.DataFrame, left_out: Counts, toxicity: pl.DataFrame, *, threshold: float, turns: int
) -> tuple[pl.DataFrame, Counts]:
    """Keep the conversations fit for training, cut to `turns` messages and ending with a reply.

    `messages` follows sharegpt.MESSAGES and `toxicity` toxicity.TOXICITY; `left_out` counts the conversations that the
    reader did not take. A conversation is as toxic as its worst label, and leaves if that is above `threshold`. The
    counts also say how many of the kept conversations were cut. Raises UserError if a conversation has no score.
    """
    judged = _judged(messages)
    worst = toxicity.group_by("conversation").agg(pl.col("score").max())
    clean = judged.filter(pl.col("reason").is_null()).join(worst, "conversation", "left", maintain_order="left")
    if clean["score"].null_count():
        missing = clean.filter(pl.col("score").is_null())["conversation"][0]
        raise UserError(
            f"the conversation {missing} has no score of toxicity. Score the conversations again: "
            "snakemake --forcerun score_toxicity"
        )
    toxic = clean["score"] > threshold
    kept = clean.filter(~toxic)

    counts = dict(judged.drop_nulls("reason")["reason"].value_counts(sort=True, name="rows").iter_rows())
    counts |= {**left_out, "toxic": int(toxic.sum())}
    # A last message of the user has no reply to learn from.
    length = pl.min_horizontal(pl.col("role").list.len(), pl.lit(turns)) // 2 * 2
    counts["kept, cut to the longest length"] = kept.filter(pl.col("role").list.len() > turns).height
    counts["kept"] = kept.height - counts["kept, cut to the longest length"]
    screened = (
        kept.with_columns(pl.col("role", "text").list.head(length), turn=pl.int_ranges(length))
        .explode("role", "text", "turn")
        .select("conversation", "turn", "role", "text")
    )
    return screened, {reason: count for reason, count in sorted(counts.items()) if count}


def _judged(messages: pl.DataFrame) -> pl.DataFrame:
    """Each conversation with the roles and texts of its messages and why its form is not fit, if so."""
    conversations = (
        messages.sort("conversation", "turn")
        .group_by("conversation", maintain_order=True)
        .agg("role", "text", form=sameness.forms(pl.col("text")).hash())
    )
    alternating = pl.col("role").list.eval(
        pl.element() == pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant"))
    )
    judged = conversations.with_columns(
        reason=pl.when(pl.col("role").list.contains("system"))
        .then(pl.lit("holds a system turn"))
        .when(pl.col("role").list.first() != "user")
        .then(pl.lit("begins with the assistant"))
        .when(~alternating.list.all())
        .then(pl.lit("turns do not alternate"))
        .when(pl.col("role").list.len() < 2)
        .then(pl.lit("no reply"))
        .when(pl.col("text").list.eval(pl.element().str.strip_chars() == "").list.any())
        .then(pl.lit("an empty message"))
        .when(~pl.col("form").is_first_distinct())
        .then(pl.lit("duplicate"))
    )
    return judged.drop("form")
