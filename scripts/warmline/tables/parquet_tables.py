"""Tables with a documented schema, and Parquet files of them: the same content is the same bytes.

Every table of a study is declared once: its columns, in order, what each means, and the key by which its rows are told
apart and joined. `write` sorts the rows by it, and refuses a frame that does not follow its declaration. CSV files of
declared tables are those of `warmline.tables.csv_tables`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from warmline.lineage import complete_files
from warmline.lineage.errors import UserError, damaged


@dataclasses.dataclass(frozen=True)
class Column:
    """A column's type and meaning."""

    dtype: pl.DataType | type[pl.DataType]
    meaning: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A declared table: what one row is, the columns that identify it, and all columns in order."""

    row: str
    key: tuple[str, ...]
    columns: dict[str, Column]

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})


def write(frame: pl.DataFrame, table: Table, path: str | Path) -> None:
    """Write a frame as the declared table: columns cast and ordered, rows sorted by key.

    Raises UserError if a column is missing or cannot be cast, or if two rows have one key.
    """
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise UserError(f"{path}: the columns {missing} are missing; one row is {table.row}.")
    try:
        ordered = frame.select(*table.columns).cast(table.schema).sort(table.key)
    except pl.exceptions.InvalidOperationError as error:
        raise UserError(f"{path}: {error}; one row is {table.row}.") from error
    alike = doubled(ordered, table)
    if alike.height:
        raise UserError(f"{path}: several rows have the key {alike.select(table.key).row(0, named=True)}.")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # The statistics and row-group size are spelled out because a changed default would change the bytes.
    with complete_files.replacing(Path(path)) as partial:
        ordered.write_parquet(partial, compression="zstd", compression_level=3, statistics=True, row_group_size=65_536)


def doubled(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows whose key another row has too."""
    # A hash tells nearly all keys apart, for a fraction of what it costs to compare them all.
    suspects = frame.filter(frame.select(table.key).hash_rows().is_duplicated())
    return suspects.filter(suspects.select(table.key).is_duplicated())


def read(path: str | Path, table: Table, columns: list[str] | None = None) -> pl.DataFrame:
    """Read a declared table, or some of its columns. Raises UserError if the file's are not the declared ones."""
    try:
        schema = pl.read_parquet_schema(path)
        if schema == table.schema:
            return pl.read_parquet(path, columns=columns)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Build it with snakemake.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, "a Parquet file", error) from error
    raise UserError(f"{path}: its columns are {dict(schema)}, expected {dict(table.schema)}. Rebuild it.")


def read_all(paths: Iterable[str | Path], table: Table) -> pl.DataFrame:
    """Several files of one declared table below each other, in the order given; an empty table for no files."""
    return pl.concat([table.schema.to_frame(), *(read(path, table) for path in paths)])
