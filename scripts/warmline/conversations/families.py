"""Families: conversations of which one at most may be drawn, since one holds what another holds.

ShareGPT has the pieces of long conversations under ids such as QWJhYvA_0 and QWJhYvA_17, and one conversation under
several ids, cut elsewhere or with other blanks.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warmline.sources import sameness

PIECE = r"^([A-Za-z0-9]{7})_\d+$"
"""The id of a piece; the group is the id of the conversation that it was split from."""

OWN_WORDS = 40
"""Characters from which on a message is not one that strangers write too, as "Continue" and "Thank you" are."""


def families(messages: pl.DataFrame) -> dict[str, int]:
    """The number of each conversation's family.

    Conversations are of one family if their ids say that they are pieces of one, if users begin both with the same
    message, or if they share a message of OWN_WORDS characters or more (the same as warmline.sources.sameness says);
    and so is whoever is of one family with a third.
    """
    marked = messages.select(
        "conversation",
        "turn",
        text=sameness.forms(pl.col("text")),
        whole=pl.col("conversation").str.extract(PIECE),
    )
    own = (pl.col("turn") == 0) | (pl.col("text").str.len_chars() >= OWN_WORDS)
    signs = [
        marked.filter(own).select("conversation", sign=pl.col("text").hash(seed=0)),
        marked.drop_nulls("whole").select("conversation", sign=pl.col("whole").hash(seed=1)),
    ]
    links = pl.concat(signs).unique()
    names = links["conversation"].unique()
    rows, columns = (links[name].rank("dense").to_numpy() - 1 for name in ("conversation", "sign"))
    nodes = names.len() + links["sign"].n_unique()
    # Conversations are joined through the signs that they have.
    graph = coo_array((np.ones(links.height), (rows, names.len() + columns)), shape=(nodes, nodes))
    _, numbers = connected_components(graph, directed=False)
    return dict(zip(names.sort(), numbers[: names.len()].tolist(), strict=True))
