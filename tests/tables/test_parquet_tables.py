from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.lineage.errors import UserError
from warmline.tables import parquet_tables
from warmline.tables.parquet_tables import Column, Table

ANSWERS = Table(
    row="one answer",
    key=("item", "turn"),
    columns={
        "item": Column(pl.String, "id"),
        "turn": Column(pl.Int64, "position"),
        "score": Column(pl.Float64, "score"),
        "names": Column(pl.List(pl.String), "names"),
    },
)
TEXT = st.text(max_size=6)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "item": TEXT,
            "turn": st.integers(-(2**63), 2**63 - 1),
            "score": st.none() | st.floats(allow_nan=False),
            "names": st.none() | st.lists(TEXT, max_size=2),
        }
    ),
    max_size=8,
    unique_by=lambda row: (row["item"], row["turn"]),
)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ANSWERS.schema)


def written(table: pl.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        parquet_tables.write(table, ANSWERS, Path(folder) / "table.parquet")
        return (Path(folder) / "table.parquet").read_bytes()


@given(ROWS, st.randoms(), st.integers(0, 8))
def test_equal_rows_in_any_order_and_chunks_are_equal_bytes(rows: list[dict[str, Any]], random: Any, cut: int) -> None:
    shuffled = random.sample(rows, len(rows))
    chunked = pl.concat([frame(shuffled[:cut]), frame(shuffled[cut:])], rechunk=False)
    assert written(chunked.select(reversed(chunked.columns))) == written(frame(rows))


@given(ROWS)
def test_a_written_table_is_read_back_sorted_by_key(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "table.parquet"
        parquet_tables.write(frame(rows), ANSWERS, path)
        back = parquet_tables.read(path, ANSWERS).to_dicts()
    assert back == sorted(rows, key=lambda row: (row["item"].encode(), row["turn"]))


def test_a_long_table_in_any_chunks_is_equal_bytes() -> None:
    ids = pl.int_range(150_000, eager=True)
    long = pl.DataFrame({"item": ids.cast(pl.String), "turn": ids, "score": ids / 7, "names": None})
    parts = [long.slice(70_000), long.slice(0, 3), long.slice(3, 69_997)]
    assert written(pl.concat(parts, rechunk=False)) == written(long)


def test_columns_are_cast_and_others_dropped(tmp_path: Path) -> None:
    loose = pl.DataFrame({"extra": [1], "turn": pl.Series([2], dtype=pl.UInt32), "item": ["a"], "score": [1]})
    parquet_tables.write(loose.with_columns(names=pl.lit(None)), ANSWERS, tmp_path / "table.parquet")
    assert parquet_tables.read(tmp_path / "table.parquet", ANSWERS).row(0) == ("a", 2, 1.0, None)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            pl.DataFrame({"item": ["a"], "turn": [1]}),
            r"the columns \['score', 'names'\] are missing; one row is one an",
        ),
        (frame([{"item": "a", "turn": 1}, {"item": "a", "turn": 1}]), "several rows have the key {'item': 'a', 'turn'"),
        (frame([{"item": "a"}]).with_columns(turn=pl.lit("second")), "table.parquet: .*second"),
    ],
    ids=["missing column", "two rows of one key", "wrong type"],
)
def test_a_frame_that_is_not_as_declared_is_refused(rows: pl.DataFrame, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(UserError, match=re.compile(f"^{re.escape(str(path))}.*{message}|{message}", re.DOTALL)):
        parquet_tables.write(rows, ANSWERS, path)
    assert not path.exists()


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"item": ["a"], "turn": ["1"]}).write_parquet(path)
    with pytest.raises(UserError, match=r"table\.parquet: its columns are .* Rebuild it\."):
        parquet_tables.read(path, ANSWERS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.parquet does not exist"):
        parquet_tables.read(tmp_path / "nothing.parquet", ANSWERS)


def test_several_files_are_one_table_and_none_an_empty_one(tmp_path: Path) -> None:
    for name in "ba":
        parquet_tables.write(frame([{"item": name, "turn": 0}]), ANSWERS, tmp_path / name)
    assert parquet_tables.read_all([tmp_path / "b", tmp_path / "a"], ANSWERS)["item"].to_list() == ["b", "a"]
    assert parquet_tables.read_all([], ANSWERS).schema == ANSWERS.schema
