"""A sample of an arm's answers for a judge to say which decline, so that the rules for refusals are held against it.

It is drawn evenly from strata, which are the task and what both rules say of an answer: refusals are rare, and those
that only one rule finds rarer still. Weights undo it: each answer stands for those of its stratum that were not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from warmline.lineage.draws import row_seed
from warmline.models.cards import Arm
from warmline.tables.refusal_labels import REFUSAL_LABELS, REFUSALS_BY_RULE

Cell = tuple[str, str]
"""Task and condition."""
STRATUM = ("task", "refusal", "refusal_as_published")


def drawn(
    answers: Mapping[Cell, pl.DataFrame], by_rule: pl.DataFrame, size: int | None, seed: int
) -> dict[Cell, pl.DataFrame]:
    """The rows of GENERATIONS that are put to the judge, with `refusal`, `refusal_as_published` and `weight`.

    `by_rule` is what rules say of these answers (REFUSALS_BY_RULE), and `size` how many of an arm's answers are drawn;
    None for all. The same answers are drawn whatever else is answered, as long as the strata are as large.
    """
    told = pl.concat(
        frame.with_columns(task=pl.lit(task), condition=pl.lit(condition))
        for (task, condition), frame in answers.items()
    )
    labelled = told.join(by_rule, on=REFUSALS_BY_RULE.key, how="left", validate="1:1", maintain_order="left")
    order = [
        row_seed(seed, "refusals", *identity) for identity in labelled.select("task", "condition", "item").iter_rows()
    ]
    strata = labelled.group_by(STRATUM).agg(answers=pl.len()).sort(STRATUM)
    rooms = strata["answers"].to_list()
    places = strata.with_columns(drawn=pl.Series(rooms if size is None else shares(rooms, size), dtype=pl.Int64))
    chosen = (
        labelled.with_columns(order=pl.Series(order, dtype=pl.UInt64))
        .join(places, on=STRATUM, how="left", maintain_order="left")
        .with_columns(rank=pl.col("order").rank("ordinal").over(STRATUM))
        .filter(pl.col("rank") <= pl.col("drawn"))
        .with_columns(weight=pl.col("answers") / pl.col("drawn"))
        .drop("order", "rank", "answers", "drawn")
    )
    return {cell: chosen.filter(task=cell[0], condition=cell[1]) for cell in answers}


def shares(rooms: Sequence[int], size: int) -> list[int]:
    """How many each stratum gives so that they give `size` together, as evenly as their rooms allow."""
    given = [0] * len(rooms)
    left = min(size, sum(rooms))
    while left:
        having = [at for at, room in enumerate(rooms) if given[at] < room]
        each = max(1, left // len(having))
        for at in having:
            more = min(each, rooms[at] - given[at], left)
            given[at] += more
            left -= more
    return given


def labels(
    arm: Arm, cell: Cell, rows: pl.DataFrame, verdicts: Sequence[tuple[str | None, str, str | None]]
) -> pl.DataFrame:
    """The table REFUSAL_LABELS of one task and condition, from the judge's key, verdict and reason for each row."""
    keys, words, reasons = zip(*verdicts, strict=True) if verdicts else ((), (), ())
    return rows.select(
        model=pl.lit(arm.model),
        arm=pl.lit(arm.arm),
        task=pl.lit(cell[0]),
        condition=pl.lit(cell[1]),
        item="item",
        refusal="refusal",
        refusal_as_published="refusal_as_published",
        judged=pl.Series(words, dtype=pl.String),
        reason=pl.Series(reasons, dtype=pl.String),
        weight="weight",
        answer_key="answer_key",
        judge_key=pl.Series(keys, dtype=pl.String),
    ).cast(REFUSAL_LABELS.schema)
