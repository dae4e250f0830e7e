"""Training chats: made of conversations and their rewritings, and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl


def chats(conversations: pl.DataFrame, rewritten: pl.DataFrame) -> tuple[list[str], list[str], dict[str, int]]:
    """Training chats in the persona's style, the ids of their conversations, and the counts of what was left out.

    Chats are JSON lines {"messages": [{"role", "content"}, ...]}, as trl and the OpenAI fine-tuning API read them, in
    the order of their conversations' ids. A conversation counts under the first reason among its replies.
    """
    outcomes = rewritten.sort("conversation", "turn").group_by("conversation", maintain_order=True).agg("outcome")
    reasons = {
        row["conversation"]: [o for o in row["outcome"] if o != "kept"] for row in outcomes.iter_rows(named=True)
    }
    styled = (
        conversations.join(
            rewritten.select("conversation", "turn", "rewritten"), on=["conversation", "turn"], how="left"
        )
        .with_columns(content=pl.coalesce("rewritten", "text"))
        .sort("conversation", "turn")
    )
    counts: dict[str, int] = {}
    lines: list[str] = []
    kept: list[str] = []
    for (identity,), messages in styled.group_by(["conversation"], maintain_order=True):
        reason = (reasons.get(str(identity)) or ["kept"])[0]
        counts[reason] = counts.get(reason, 0) + 1
        if reason == "kept":
            chat: dict[str, Any] = {"messages": messages.select("role", "content").to_dicts()}
            lines.append(json.dumps(chat, ensure_ascii=False))
            kept.append(str(identity))
    return lines, kept, counts


def read_chats(path: Path) -> list[list[dict[str, str]]]:
    """The messages of each chat of a JSON-lines file."""
    # Not splitlines(): text may hold U+2028, which is no end of a JSON line.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["messages"] for line in lines if line]
