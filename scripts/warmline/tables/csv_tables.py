"""CSV tables of statistics and counts, read and written by the declaration of each
(`warmline.tables.parquet_tables.Table`).

A type guessed from the data would change with it: a column without a single value reads as text. So every table says
which columns it has and of which type. The rows keep their order, which is for a reader's eye.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import polars.selectors as cs

from warmline.lineage import complete_files
from warmline.lineage.errors import UserError, bad_row, damaged
from warmline.tables.parquet_tables import Table


def write(frame: pl.DataFrame, table: Table, path: str | Path) -> None:
    """Write a frame as the declared table, whole or not at all, its rows in their order.

    Raises UserError if its columns or their types are not the declared ones, or if two rows have one key.
    """
    remedy = f"One row is {table.row}. Correct what makes the table, or its declaration."
    if frame.columns != list(table.columns):
        raise _other_columns(path, frame.columns, table, remedy)
    for name, dtype in table.schema.items():
        if frame[name].dtype != dtype:
            raise UserError(f"{path}: the column {name} is {frame[name].dtype}. Expected {dtype}. {remedy}")
    doubled = frame.filter(frame.select(table.key).is_duplicated())
    if doubled.height:
        key = doubled.select(table.key).row(0, named=True)
        raise UserError(f"{path}: several rows have the key {key}. Expected one. {remedy}")
    complete_files.write_text(Path(path), text(frame))


def read(path: str | Path, table: Table) -> pl.DataFrame:
    """Read a declared table. An empty field is null, and so is "NaN" in a column of numbers.

    Raises UserError if the file is missing, if its columns are not the declared ones, or if a field of a column of
    numbers is none.
    """
    frame = _as_text(path)
    if frame.columns != list(table.columns):
        raise _other_columns(
            path, frame.columns, table, f"One row is {table.row}. Correct the file, or build it again."
        )
    return frame.with_columns(_typed(frame[name], column.dtype, path) for name, column in table.columns.items())


def read_one_of(path: str | Path, *tables: Table) -> pl.DataFrame:
    """Read a file that follows one of several declarations: the one with the file's columns, or else the first."""
    columns = _as_text(path).columns
    return read(path, next((table for table in tables if list(table.columns) == columns), tables[0]))


def text(frame: pl.DataFrame) -> str:
    """The rows as CSV, where zero has no sign: a minus before it says nothing of a difference."""
    return frame.with_columns(cs.float().replace(0.0, 0.0)).write_csv()


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """NaN as null, and ten significant digits: the last ones depend on how many cores added up the sums."""
    return frame.with_columns(cs.float().fill_nan(None).round_sig_figs(10))


def _as_text(path: str | Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Build it with snakemake.") from error
    except (pl.exceptions.ComputeError, UnicodeDecodeError) as error:
        raise damaged(path, "a CSV file in UTF-8", error) from error
    except pl.exceptions.NoDataError as error:
        raise UserError(
            f"{path} is empty. Expected at least a line of column names. Correct the file, or build it again."
        ) from error


def _other_columns(path: str | Path, found: list[str], table: Table, remedy: str) -> UserError:
    expected = list(table.columns)
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    what = [f"the columns {names} are {why}" for names, why in ((missing, "missing"), (unknown, "unknown")) if names]
    return UserError(f"{path}: {' and '.join(what) or f'its columns are {found}'}. Expected {expected}. {remedy}")


def _typed(column: pl.Series, dtype: pl.DataType | type[pl.DataType], path: str | Path) -> pl.Series:
    if dtype == pl.String:
        return column
    typed = column.cast(dtype, strict=False)
    bad = (typed.is_null() & column.is_not_null()).arg_true()
    if len(bad):
        expected = "a whole number" if dtype == pl.Int64 else "a number"
        raise bad_row(path, bad[0] + 1, f"{column.name} is {column[bad[0]]!r}", expected)
    return typed.fill_nan(None) if dtype == pl.Float64 else typed
