"""Tables of rewritten replies: how their facts fared, and pairs of them for a person to read."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column, Table

FACT_COUNTS = Table(
    row="how facts of one kind fared over all kept replies of a persona",
    key=("kind",),
    columns={
        "kind": Column(pl.String, "numbers, entities or code"),
        "replies": Column(pl.Int64, "replies that have such facts"),
        "intact": Column(pl.Int64, "replies of these that lost none"),
        "facts": Column(pl.Int64, "facts in the originals"),
        "survived": Column(pl.Int64, "facts of these that stand in the rewritings too"),
        "added": Column(pl.Int64, "facts that stand in the rewritings alone"),
    },
)

SHEET = Table(
    row="a pair of original and rewriting in random order",
    key=("pair",),
    columns={
        "pair": Column(pl.Int64, "number of the pair, from 1"),
        "first": Column(pl.String, "one of the two texts"),
        "second": Column(pl.String, "the other"),
    },
)

SHEET_KEY = Table(
    row="what a pair of the sheet is",
    key=("pair",),
    columns={
        "pair": Column(pl.Int64, "number of the pair"),
        "conversation": Column(pl.String, "id of the conversation"),
        "turn": Column(pl.Int64, "place of the reply in it"),
        "first": Column(pl.String, "which text the sheet shows first: original or rewritten"),
    },
)

CHAT_LINES = Table(
    row="a line of a persona's training chats",
    key=("line",),
    columns={
        "line": Column(pl.Int64, "line of training/<persona>.jsonl, from 1"),
        "conversation": Column(pl.String, "id of the conversation that it holds"),
    },
)
