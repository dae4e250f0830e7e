from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from warmline.lineage.errors import UserError
from warmline.tables import csv_tables
from warmline.tables.parquet_tables import Column, Table

MEANS = Table(
    row="the mean of a model",
    key=("model",),
    columns={
        "model": Column(pl.String, "id of the base model"),
        "n": Column(pl.Int64, "answers"),
        "mean": Column(pl.Float64, "their mean"),
    },
)
MEDIANS = Table(row="a median", key=("model",), columns={"model": MEANS.columns["model"], "median": MEANS.columns["n"]})


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_types_are_the_declared_ones_even_where_a_column_is_empty(tmp_path: Path) -> None:
    frame = csv_tables.read(table(tmp_path, "model,n,mean\n12,,\n7,,NaN\n"), MEANS)
    assert frame.schema == MEANS.schema
    assert frame.rows() == [("12", None, None), ("7", None, None)]


def test_a_table_without_rows_keeps_its_types(tmp_path: Path) -> None:
    assert csv_tables.read(table(tmp_path, "model,n,mean\n"), MEANS).schema == MEANS.schema


def test_what_is_written_is_read_again_in_its_order(tmp_path: Path) -> None:
    frame = pl.DataFrame([("b", 1, 0.1 + 0.2), ("a", None, None)], schema=MEANS.schema, orient="row")
    csv_tables.write(frame, MEANS, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "model,n,mean\nb,1,0.30000000000000004\na,,\n"
    assert csv_tables.read(tmp_path / "table.csv", MEANS).equals(frame)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,n,mean\na,1,1\nb,many,1\n", "row 2: n is 'many'. Expected a whole number. Correct the row"),
        ("model,n,mean\na,1.5,1\n", "row 1: n is '1.5'. Expected a whole number"),
        ("model,n,mean\na,1,low\n", "row 1: mean is 'low'. Expected a number"),
        (
            "model,mean\na,1\n",
            "the columns ['n'] are missing. Expected ['model', 'n', 'mean']. One row is the mean of a model. Correct",
        ),
        ("model,n,mean,x,y\na,1,1,1,1\n", "the columns ['x', 'y'] are unknown. Expected ['model', 'n', 'mean']"),
        ("model,m,mean\na,1,1\n", "the columns ['n'] are missing and the columns ['m'] are unknown. Expected"),
        ("model,mean,n\na,1,1\n", "its columns are ['model', 'mean', 'n']. Expected ['model', 'n', 'mean']"),
        ("", "is empty. Expected at least a line of column names. Correct the file"),
    ],
)
def test_a_bad_file_is_refused_with_what_to_mend(tmp_path: Path, text: str, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        csv_tables.read(path, MEANS)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"model": ["a"], "n": [1.0], "mean": [1.0]}), "the column n is Float64. Expected Int64"),
        (pl.DataFrame({"model": ["a"], "n": [1]}), "the columns ['mean'] are missing"),
        (
            pl.DataFrame({"model": ["a", "a"], "n": [1, 2], "mean": [1.0, 2.0]}),
            "several rows have the key {'model': 'a'}",
        ),
    ],
)
def test_a_frame_that_is_not_the_declared_table_is_not_written(
    tmp_path: Path, frame: pl.DataFrame, message: str
) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(UserError, match=re.escape(f"{path}: {message}")) as caught:
        csv_tables.write(frame, MEANS, path)
    assert "One row is the mean of a model. Correct what makes the table, or its declaration." in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_no_zero_is_written_with_a_minus(tmp_path: Path) -> None:
    frame = pl.DataFrame([("a", 0, -0.0), ("b", 0, -1e-300), ("c", 0, 0.0)], schema=MEANS.schema, orient="row")
    csv_tables.write(frame, MEANS, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "model,n,mean\na,0,0.0\nb,0,-1e-300\nc,0,0.0\n"


def test_a_file_of_several_makers_is_read_by_the_declaration_that_it_follows(tmp_path: Path) -> None:
    path = table(tmp_path, "model,median\na,2\n")
    assert csv_tables.read_one_of(path, MEANS, MEDIANS).schema == MEDIANS.schema
    with pytest.raises(UserError, match=re.escape("the columns ['n'] are missing and the columns ['m'] are unknown")):
        csv_tables.read_one_of(table(tmp_path, "model,m,mean\na,1,1\n"), MEANS, MEDIANS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.csv does not exist"):
        csv_tables.read(tmp_path / "nothing.csv", MEANS)
