"""Observations: one row per judged answer, the table that all statistics read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from warmline.design.arms import ORIGINAL
from warmline.lineage.errors import UserError, bad_row
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS, VERDICTS

NEEDED = (*OBSERVATIONS.key, "context_group", "refusal", "refusal_as_published", "response_length")
"""Columns without which an answer is left out of a number, or counted in the wrong one."""
UNREAD = ("persona", "checkpoint", "statement", "answer_key", "judge_key")
"""Columns that no statistic needs. The keys, no two alike, are most of the file, and of the time that it takes."""


def read(path: str | Path, treated_arms: Sequence[str] = ()) -> pl.DataFrame:
    """The observations of a file, a study's own or imported, without the columns UNREAD.

    Raises UserError if its columns are not those declared, as `check`, and as `require` of the arms that are to be
    compared with `original`.
    """
    columns = [name for name in OBSERVATIONS.columns if name not in UNREAD]
    observations = parquet_tables.read(path, OBSERVATIONS, columns)
    check(observations, path)
    require(observations.filter(pl.col("arm") != ORIGINAL), path, "arm", treated_arms)
    return observations


def require(observations: pl.DataFrame, path: str | Path, column: str, names: Sequence[str]) -> None:
    """Raise UserError if a name that a command gives is none that a column of the file's observations has."""
    known = sorted(observations[column].unique())
    for name in names:
        if name not in known:
            raise UserError(
                f"{path}: no answer has the {column} {name!r}. Expected one of {known}. Correct the name, or leave it "
                "out."
            )


def check(observations: pl.DataFrame, path: str | Path) -> None:
    """Raise UserError that names the rows of a file where statistics would go wrong without a word.

    These are a null where a value is NEEDED, a verdict that is none of the three, two rows for one item of an arm under
    one condition, a treated arm without the `original` of its model, and a task that only one of the two was asked.
    Models, arms and conditions may lack, and so may single items of an arm: what is not there is in no number, and an
    item needs both arms for a pair.
    """
    rows = observations.with_row_index("row", 1)
    for name in NEEDED:
        lacking = rows.filter(pl.col(name).is_null())
        if lacking.height:
            raise bad_row(path, lacking["row"][0], f"{name} is missing", f"a value{_and_more(lacking.height)}")
    negative = rows.filter(pl.col("response_length") < 0)
    if negative.height:
        row, length = negative.select("row", "response_length").row(0)
        raise bad_row(path, row, f"response_length is {length}", f"a number of characters{_and_more(negative.height)}")
    unknown = rows.filter(~pl.col("verdict").is_in(VERDICTS).fill_null(False))
    if unknown.height:
        row, verdict = unknown.select("row", "verdict").row(0)
        raise bad_row(path, row, f"verdict is {verdict!r}", f"one of {list(VERDICTS)}{_and_more(unknown.height)}")
    doubled = parquet_tables.doubled(rows, OBSERVATIONS).sort(*OBSERVATIONS.key, "row")
    if doubled.height:
        same = doubled.filter(pl.struct(*OBSERVATIONS.key) == pl.struct(*OBSERVATIONS.key).first())
        key = ", ".join(map(str, same.select(OBSERVATIONS.key).row(0)))
        raise UserError(
            f"{path}, rows {', '.join(map(str, same['row']))}: all of {key}. Expected one row for an item of an arm "
            f"under one condition{_and_more(doubled.height - same.height + 1)}. Remove the others."
        )
    tasks = rows.lazy().group_by("model", "arm", "task").agg(pl.col("row").min(), rows=pl.len()).sort("row")
    # So few groups of so many rows cost the other engine several times as much.
    asked = tasks.collect(engine="streaming")
    arms = asked.filter(pl.col("arm") != ORIGINAL)
    originals = asked.filter(arm=ORIGINAL)
    alone = arms.join(originals, on="model", how="anti")
    if alone.height:
        model, arm, _, row, _ = alone.row(0)
        raise UserError(
            f"{path}, row {row}: the arm {arm} of {model}, of which there is no {ORIGINAL}. Expected the answers that "
            f"it is compared with{_and_more(int(alone['rows'].sum()))}. Add them, or remove the arm."
        )
    treated = arms.select("model", "arm").unique(maintain_order=True)
    expected = treated.join(originals.drop("arm"), on="model")
    for has, lacks, missing in (
        (pl.col("arm"), pl.lit(ORIGINAL), arms.join(originals, on=["model", "task"], how="anti")),
        (pl.lit(ORIGINAL), pl.col("arm"), expected.join(arms, on=["model", "arm", "task"], how="anti")),
    ):
        if missing.height:
            named = missing.select("model", "task", "row", "rows", has=has, lacks=lacks).sort("row").row(0, named=True)
            raise UserError(
                f"{path}, row {named['row']}: the task {named['task']} of the arm {named['has']} of {named['model']}, "
                f"which its arm {named['lacks']} was not asked. Expected the same tasks of both"
                f"{_and_more(named['rows'])}. Add the answers, or remove the task."
            )


def _and_more(rows: int) -> str:
    return f" ({rows - 1} more rows like it)" if rows > 1 else ""
