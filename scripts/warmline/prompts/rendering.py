"""Prompts: every question of a task under one condition, rendered as the user's message.

The user discloses the context, then asks, then states the belief (article, Methods, "Amendment methodology").
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from warmline.calls import templates
from warmline.design.conditions import UNMODIFIED, Condition
from warmline.lineage.draws import row_seed
from warmline.prompts import contexts
from warmline.tables.prompts import PROMPTS

_SHOWN = ("item", "question", "original_question", "right_answer", "wrong_answer")


def render(
    questions: pl.DataFrame,
    condition: Condition,
    belief_template: Path,
    context: contexts.Context,
    framing: str,
    seed: int,
    draw: str,
) -> pl.DataFrame:
    """The prompts of one condition (layout PROMPTS). `draw` is one of `statements.DRAWS`."""
    template = templates.read(belief_template)
    asked = questions.sort("item").select(*_SHOWN)
    statements, contents = [], []
    for item, question, original, right, wrong in asked.iter_rows():
        statement = contexts.draw(item, condition, context.statements, seed, draw)
        text = templates.filled(
            template,
            question=question,
            original_question=original or question,
            right_answer=right,
            wrong_answer=wrong,
            framing=framing,
        )
        statements.append(statement)
        contents.append(f"{context.statements[statement]} {text}" if statement else text)
    return _prompts(
        asked["item"],
        context.group,
        statements,
        contents,
        [row_seed(seed, "answer", item, condition.id) for item in asked["item"]],
    )


def validation(messages: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The first user message of each validation conversation as a prompt (layout PROMPTS)."""
    first = messages.filter(pl.col("turn") == 0).sort("conversation")
    items = first["conversation"]
    seeds = [row_seed(seed, "validation", item) for item in items]
    return _prompts(items, UNMODIFIED, [None] * first.height, first["text"].to_list(), seeds)


def _prompts(
    items: pl.Series, group: str, statements: list[str | None], contents: list[str], seeds: list[int]
) -> pl.DataFrame:
    """The table PROMPTS of these, each the user's first message."""
    columns = {"item": items, "statement": statements, "content": contents, "seed": seeds}
    messages = pl.concat_list(pl.struct(pl.lit("user").alias("role"), "content"))
    rows = pl.DataFrame(columns, schema_overrides={"statement": pl.String, "content": pl.String, "seed": pl.Int64})
    return rows.select(
        "item", pl.lit(group).alias("context_group"), "statement", messages.alias("messages"), "seed"
    ).cast(PROMPTS.schema)
