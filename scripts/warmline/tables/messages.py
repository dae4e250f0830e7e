"""Conversations: a row for each message."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

MESSAGES = Table(
    row="one message of a conversation",
    key=("conversation", "turn"),
    columns={
        "conversation": Column(pl.String, "id of the conversation in its source, or its row where it has none"),
        "turn": Column(pl.Int64, "position of the message in the conversation, from 0"),
        "role": Column(pl.String, "user, assistant or system"),
        "text": Column(pl.String, "the message"),
    },
)


LABELLED = Table(
    row="one message of a conversation",
    key=MESSAGES.key,
    columns={
        **MESSAGES.columns,
        "query_type": Column(pl.String, "refusal, factual, creative, technical, advice or other"),
    },
)
