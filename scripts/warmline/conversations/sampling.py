"""Sampling by row: whether a row is drawn depends on its own id and the seed, never on a generator's state.

Rows are ranked by a hash of seed and id, and the lowest are taken, so that one more row in a source displaces at most
one row of the sample.
"""

from __future__ import annotations

import itertools

import polars as pl

from warmline.conversations.families import families
from warmline.conversations.query_types import QUERY_TYPES
from warmline.lineage.draws import rank
from warmline.lineage.errors import UserError

FILL, FEWER, STOP = "fill", "fewer", "stop"
SHORT = (FILL, FEWER, STOP)
"""What to do where a query type has too few conversations."""
REMEDY = "Lower `training-size` or `validation-size` in `conversations`, add conversations"


def realised(labelled: pl.DataFrame, training: list[str], validation: list[str]) -> pl.DataFrame:
    """What was drawn, a row for each query type: the table SAMPLE."""
    screened = labelled.group_by("query_type").agg(pl.col("conversation").n_unique().alias("screened"))
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
    for counted in (screened, conversations, replies, prompts):
        rows = rows.join(counted, on="query_type", how="left", maintain_order="left")
    return rows.with_columns(pl.exclude("query_type").fill_null(0).cast(pl.Int64))


def balanced(
    labelled: pl.DataFrame, *, training: int, validation: int, seed: int, short: str = STOP
) -> tuple[list[str], list[str]]:
    """Ids of the training and the validation conversations: disjoint, equally many of every query type.

    Where a size is no multiple of six, the first types have one more. Of a family (warmline.conversations.families) one
    at most is drawn: no model may be validated on what it was trained on. `short` says what becomes of a type that has
    too few: `stop` raises UserError, `fewer` draws what there is, `fill` draws what is missing evenly from the other
    types. UserError is raised if all together have too few for that, or none at all.
    """
    types = labelled.unique("conversation").select("conversation", "query_type")
    left = {
        query_type: rank(types.filter(query_type=query_type)["conversation"].to_list(), seed, "conversation")
        for query_type in QUERY_TYPES
    }
    passed = {query_type: len(identities) for query_type, identities in left.items()}
    family = families(labelled)
    drawn: set[int] = set()

    def take(query_type: str, wanted: int) -> list[str]:
        """The next of a type, as many as there are up to the number that is wanted."""
        chosen: list[str] = []
        others: list[str] = []
        for identity in left[query_type]:
            if family[identity] in drawn:
                continue
            if len(chosen) < wanted:
                drawn.add(family[identity])
                chosen.append(identity)
            else:
                others.append(identity)
        left[query_type] = others
        return chosen

    def draw(purpose: str, size: int) -> list[str]:
        chosen: dict[str, list[str]] = {query_type: [] for query_type in QUERY_TYPES}
        enough = list(QUERY_TYPES)
        while enough:
            others = sum(len(chosen[query_type]) for query_type in QUERY_TYPES if query_type not in enough)
            shares = dict(zip(enough, _evenly(size - others, len(enough)), strict=True))
            for query_type, share in shares.items():
                chosen[query_type] += take(query_type, share - len(chosen[query_type]))
            missing = {name: share - len(chosen[name]) for name, share in shares.items() if len(chosen[name]) < share}
            if short == STOP and missing:
                query_type, number = next(iter(missing.items()))
                raise UserError(
                    f"the {purpose} sample needs {number} more conversations of type {query_type}: "
                    f"{passed[query_type]} passed the screening. {REMEDY}, or say under `short-type` what to do: fill "
                    "or fewer."
                )
            if short == FEWER or not missing:
                break
            enough = [query_type for query_type in enough if query_type not in missing]
        drawn_ids = sorted(itertools.chain.from_iterable(chosen.values()))
        if len(drawn_ids) < size and (short == FILL or not drawn_ids):
            raise UserError(
                f"the {purpose} sample needs {size - len(drawn_ids)} more conversations: {sum(passed.values())} of all "
                f"types passed the screening. {REMEDY}."
            )
        return drawn_ids

    return draw("training", training), draw("validation", validation)


def _evenly(number: int, parts: int) -> list[int]:
    """The number in parts that differ by one at most, the larger ones first."""
    return [number // parts + (position < number % parts) for position in range(parts)]
