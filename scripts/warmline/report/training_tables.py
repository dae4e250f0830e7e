"""The training data in the report: what was drawn, beside the article's numbers, and how its facts were rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import polars as pl

from warmline.report.printed_tables import Column, Frame, Table, count, number, printed
from warmline.tables.rewriting_results import FACT_COUNTS

# Methods, "Dataset construction": equal over the six types, so 269 or 270 conversations and 250 prompts of each.
ARTICLE = {"query_type": "the article", "conversations": 1617, "replies": 3667, "prompts": 1500}


def realised_table(realised: Frame) -> Table:
    """Conversations and replies to train on and prompts to validate with, by query type, in all, and in the article."""
    drawn = realised.content
    total = drawn.select(pl.lit("all").alias("query_type"), pl.exclude("query_type").sum())
    rows = pl.concat([drawn, total, pl.DataFrame(ARTICLE)], how="diagonal").with_columns(
        per_conversation=pl.when(pl.col("conversations") > 0).then(pl.col("replies") / pl.col("conversations"))
    )
    columns = [
        Column("query_type", "Query type"),
        Column("screened", "Passed the screening", count),
        Column("conversations", "Training conversations", count),
        Column("replies", "Replies to rewrite", count),
        Column("per_conversation", "Replies a conversation", number(2)),
        Column("prompts", "Validation prompts", count),
    ]
    return printed(rows, "What was drawn, by query type", columns, [realised])


def short_types(realised: Frame) -> list[str]:
    """The query types of which fewer than their share could be drawn, each with what it has, in words."""
    short = pl.any_horizontal(pl.col(name) < pl.col(name).max() - 1 for name in ("conversations", "prompts"))
    return [
        f"{row['query_type']} ({row['screened']:,} passed the screening; {row['conversations']:,} are trained on and "
        f"{row['prompts']:,} measure warmth)"
        for row in realised.content.filter(short).iter_rows(named=True)
    ]


def label_table(labels: Frame) -> Table:
    """How many screened conversations the two sets of rules label alike and not."""
    columns = [
        Column("as_published", "Type by the published rules"),
        Column("corrected", "Type by the corrected rules"),
        Column("conversations", "Conversations", count),
    ]
    return printed(labels.content, "Screened conversations by both sets of rules", columns, [labels])


def fact_table(facts: Sequence[Frame]) -> Table:
    """Which facts of the kept replies survived; the name of each file begins with the persona."""
    none = pl.DataFrame(schema={"persona": pl.String, **FACT_COUNTS.schema})
    parts = [source.content.select(pl.lit(_persona(source.path)).alias("persona"), pl.all()) for source in facts]
    rows = pl.concat([none, *parts]).with_columns(
        share=_percent("survived", "facts"), intact_share=_percent("intact", "replies")
    )
    columns = [
        Column("persona", "Persona"),
        Column("kind", "Facts"),
        Column("facts", "In the originals", count),
        Column("share", "Survived (%)", number(1)),
        Column("added", "Added", count),
        Column("replies", "Replies with such facts", count),
        Column("intact_share", "Replies that lost none (%)", number(1)),
    ]
    return printed(rows, "Facts of the replies that survived their rewriting", columns, facts)


def _percent(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(100 * pl.col(part) / pl.col(whole))


def _persona(path: PurePosixPath) -> str:
    return path.name.removesuffix("-facts.csv")
