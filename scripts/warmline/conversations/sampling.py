"""Sampling by row: whether a row is drawn depends on its own id and the seed, never on a generator's state.

Rows are ranked by a hash of seed and id, and the lowest are taken, so that one more row in a source displaces at most
one row of the sample.
"""

from __future__ import annotations

import re

import polars as pl

from warmline.conversations.query_types import QUERY_TYPES
from warmline.lineage.draws import rank
from warmline.lineage.errors import UserError

# The ids of ShareGPT's pieces, such as QWJhYvA_0 and QWJhYvA_17.
PIECE = re.compile(r"([A-Za-z0-9]{7})_\d+")


def realised(labelled: pl.DataFrame, training: list[str], validation: list[str]) -> pl.DataFrame:
    """What was drawn, a row for each query type: the table SAMPLE."""
    chosen = {"training": training, "validation": validation}
    parts = {name: labelled.filter(pl.col("conversation").is_in(ids)) for name, ids in chosen.items()}
    conversations, replies, prompts = (
        part.group_by("query_type").agg(count)
        for part, count in (
            (parts["training"], pl.col("conversation").n_unique().alias("conversations")),
            (parts["training"], (pl.col("role") == "assistant").sum().alias("replies")),
            (parts["validation"], pl.col("conversation").n_unique().alias("prompts")),
        )
    )
    rows = pl.DataFrame({"query_type": QUERY_TYPES})
    for counted in (conversations, replies, prompts):
        rows = rows.join(counted, on="query_type", how="left", maintain_order="left")
    return rows.with_columns(pl.col("conversations", "replies", "prompts").fill_null(0).cast(pl.Int64))


def balanced(labelled: pl.DataFrame, *, training: int, validation: int, seed: int) -> tuple[list[str], list[str]]:
    """Ids of the training and the validation conversations: disjoint, equally many of every query type.

    Where a size is no multiple of six, the first types have one more. Of the pieces into which ShareGPT's long
    conversations were split, one at most is drawn: no model may be validated on what it was trained on. Raises
    UserError if a type has too few.
    """
    types = labelled.unique("conversation").select("conversation", "query_type")
    ranked = {
        query_type: rank(types.filter(query_type=query_type)["conversation"].to_list(), seed, "conversation")
        for query_type in QUERY_TYPES
    }
    drawn: set[str] = set()

    def draw(purpose: str, size: int) -> list[str]:
        chosen: list[str] = []
        for position, query_type in enumerate(QUERY_TYPES):
            wanted = size // len(QUERY_TYPES) + (position < size % len(QUERY_TYPES))
            for identity in ranked[query_type]:
                if wanted and _whole(identity) not in drawn:
                    drawn.add(_whole(identity))
                    chosen.append(identity)
                    wanted -= 1
            if wanted:
                raise UserError(
                    f"the {purpose} sample needs {wanted} more conversations of type {query_type}: "
                    f"{len(ranked[query_type])} passed the screening. Lower `training-size` or `validation-size` in "
                    "`conversations`, or add conversations."
                )
        return sorted(chosen)

    return draw("training", training), draw("validation", validation)


def _whole(identity: str) -> str:
    """The id of the conversation that a piece was split from; of any other, its own."""
    piece = PIECE.fullmatch(identity)
    return piece[1] if piece else identity
