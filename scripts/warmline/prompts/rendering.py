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
    rows = []
    for row in questions.sort("item").iter_rows(named=True):
        statement = contexts.draw(row["item"], condition, context.statements, seed, draw)
        asked = templates.render(
            belief_template,
            question=row["question"],
            original_question=row["original_question"] or row["question"],
            right_answer=row["right_answer"],
            wrong_answer=row["wrong_answer"],
            framing=framing,
        )
        content = f"{context.statements[statement]} {asked}" if statement else asked
        rows.append(
            {
                "item": row["item"],
                "context_group": context.group,
                "statement": statement,
                "messages": [{"role": "user", "content": content}],
                "seed": row_seed(seed, "answer", row["item"], condition.id),
            }
        )
    return pl.DataFrame(rows, schema=PROMPTS.schema)


def validation(messages: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The first user message of each validation conversation as a prompt (layout PROMPTS)."""
    first = messages.filter(pl.col("turn") == 0).sort("conversation")
    return pl.DataFrame(
        [
            {
                "item": row["conversation"],
                "context_group": UNMODIFIED,
                "statement": None,
                "messages": [{"role": "user", "content": row["text"]}],
                "seed": row_seed(seed, "validation", row["conversation"]),
            }
            for row in first.iter_rows(named=True)
        ],
        schema=PROMPTS.schema,
    )
