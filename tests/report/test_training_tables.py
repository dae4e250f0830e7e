from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl
import small_study

from warmline.report import training_tables
from warmline.report.printed_tables import Source, Table
from warmline.tables import csv_tables
from warmline.tables.conversation_counts import LABELS, SAMPLE
from warmline.tables.rewriting_results import FACT_COUNTS


def source(path: str, content: pl.DataFrame) -> Source[Any]:
    return Source(PurePosixPath(path), content)


def row(table: Table, *names: str) -> list[str]:
    (found,) = (cells for cells in table.rows if list(cells[: len(names)]) == list(names))
    return list(found[len(names) :])


def test_what_was_drawn_stands_beside_the_articles_numbers() -> None:
    table = training_tables.realised_table(source("../conversations/sample.csv", small_study.realised()))
    assert row(table, "refusal") == ["40", "4", "9", "2.25", "2"]
    assert row(table, "other") == ["0", "0", "0", "\u2013", "0"]
    assert row(table, "all") == ["106", "20", "35", "1.75", "10"]
    assert row(table, "the article") == ["\u2013", "1,617", "3,667", "2.27", "1,500"]


def test_a_type_of_which_fewer_were_drawn_than_of_others_is_named() -> None:
    drawn = small_study.realised()
    assert training_tables.short_types(source("sample.csv", drawn)) == [
        "other (0 passed the screening; 0 are trained on and 0 measure warmth)"
    ]
    # What is left over when a size is no multiple of six is no lack.
    full = drawn.with_columns(conversations=pl.Series([5, 5, 4, 4, 4, 4]), prompts=pl.Series([1, 1, 0, 0, 0, 0]))
    assert training_tables.short_types(source("sample.csv", full)) == []


def test_shares_of_facts_are_of_what_the_originals_hold() -> None:
    paths = ["../rewrites/warm-facts.csv", "../rewrites/cold-facts.csv"]
    table = training_tables.fact_table([source(path, small_study.facts()) for path in paths])
    assert row(table, "warm", "numbers") == row(table, "cold", "numbers") == ["24", "87.5", "3", "8", "75.0"]
    assert row(table, "warm", "code") == ["0", "\u2013", "0", "0", "\u2013"]


def test_both_sets_of_labels_are_side_by_side() -> None:
    table = training_tables.label_table(source("../conversations/labels.csv", small_study.labels()))
    assert row(table, "creative", "technical") == ["7"]


def test_the_files_are_read_with_the_types_that_the_tables_need(tmp_path: Path) -> None:
    for frame, columns in (
        (small_study.realised(), SAMPLE),
        (small_study.labels(), LABELS),
        (small_study.facts(), FACT_COUNTS),
    ):
        frame.write_csv(tmp_path / "table.csv")
        assert csv_tables.read(tmp_path / "table.csv", columns).equals(frame)
