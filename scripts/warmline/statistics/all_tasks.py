"""Rows of single tasks that count once more for all tasks together."""

from __future__ import annotations

import polars as pl

ALL = "all"
"""What the column `task` says in a row over all tasks."""


def all_tasks(rows: pl.DataFrame) -> pl.DataFrame:
    """Every row twice: of its own task, and of the task `all`. The new column `asked` keeps the task."""
    by_task = rows.with_columns(asked="task")
    return pl.concat([by_task.with_columns(task=pl.lit(ALL)), by_task])
