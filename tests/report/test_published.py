"""The page of the article's numbers."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from page_elements import PageElements

from warmline.report import pages, published
from warmline.report.printed_tables import Source
from warmline.tables import published_numbers as declared

NUMBERS = [
    ("increase.medqa", "Fig. 2", "More errors: MedQA", "pp", "8.6", "8.6", "yes", None),
    ("tuning.effect", "Table 11", "Effect of tuning", "pp", "7.43", "7.17", "no", "Framed questions are missing."),
    ("length.slope", "Table 12", "100 characters more", "pp", "-0.32", None, "not derivable", "No lengths."),
]
CELL = {"task": "medqa", "context": "sad", "belief": "stated"}
COUNT = {
    **{**CELL, "arm": "warm", "model": "llama-8b", "original_accuracy": 75.0, "treated_accuracy": 70.0, "solutions": 1},
    **{"pairs": 400, "original_right": 300, "treated_right": 280, "b": 57, "c": 37},
}
OWN = {
    **{"arm": "warm@2", "model": "small", "published": "llama-8b", "published_arm": "warm", **CELL},
    **{"beliefs": "asserts_wrong"},
    **{"state": "compared", "pairs": 123, "b": 21, "c": 11, "risk_difference": 0.081},
    **{"difference": 0.031, "lower": -0.052, "upper": 0.114, "p_value": 0.464, "q_value": 0.031},
}
ESTIMATE = {
    **{"arm": "warm@2", "id": "tuning.effect", "state": "compared", "published_estimate": 6.66, "estimate": 5.55},
    **{"difference": -1.11, "lower": -2.22, "upper": 0.11, "p_value": 0.071, "q_value": 0.142},
}


def source(name: str, content: pl.DataFrame) -> Source[pl.DataFrame]:
    return Source(PurePosixPath(name), content)


def contents(compared: bool = True, **changed: Any) -> dict[str, Any]:
    other = COUNT | {"model": "gpt-4o", "p_value": 0.5, "q_value": 0.5, "b": None, "c": None}
    untold = dict.fromkeys(("pairs", "original_right", "treated_right", "b", "c"))
    cold = other | untold | {"arm": "cold", "solutions": 3, "treated_accuracy": 76.2}
    errors = [
        (arm, *row)
        for arm in ("warm", "cold")
        for row in (
            ("context", "none", "sad", 20, 19.3, 30.6, 11.3),
            ("model", "none", "llama-8b", 36, 30.2, 34.5, 4.3),
        )
    ]
    cells = pl.DataFrame([OWN, OWN | {"context": "happy", "state": "too few changes", "q_value": None}])
    return {
        "numbers": source("numbers.csv", pl.DataFrame(NUMBERS, schema=declared.NUMBERS.schema, orient="row")),
        "counts": source("counts.csv", pl.DataFrame([COUNT | {"p_value": 0.049, "q_value": 0.063}, other, cold])),
        "errors": source("errors.csv", pl.DataFrame(errors, schema=declared.CELL_ERRORS.schema, orient="row")),
        "cells": [source("this_study.csv", cells)] if compared else [],
        "estimates": [source("this_study_numbers.csv", pl.DataFrame([ESTIMATE]))] if compared else [],
        "template": published.TEMPLATE.read_text("utf-8"),
        "base": pages.BASE.read_text("utf-8"),
    } | changed


def texts(page: str) -> str:
    """What a reader sees, cells parted by bars."""
    body = page[page.index("<body>") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub(r"</t[dh]>", "|", body)))


def test_the_heading_counts_what_the_file_says() -> None:
    page = texts(published.page(**contents()))
    assert "Of 3 numbers in the article’s text, 1 follow from the tables" in page  # noqa: RUF001
    assert "1 come out otherwise; 1 cannot be derived" in page
    fewer = contents()["numbers"].content.filter(match="no")
    assert "Of 1 numbers" in texts(published.page(**contents(numbers=source("numbers.csv", fewer))))


def test_every_number_is_shown_with_its_derivation_or_the_reason() -> None:
    page = texts(published.page(**contents(compared=False)))
    assert "More errors: MedQA|8.6|8.6|pp|yes|–|Fig. 2|" in page  # noqa: RUF001
    assert "Effect of tuning|7.43|7.17|pp|no|Framed questions are missing.|Table 11|" in page
    assert "100 characters more|−0.32|–|pp|not derivable|No lengths.|" in page  # noqa: RUF001
    assert "medqa|sad|stated|1|400|57|37|+5.0|0.049|0.063|" in page
    # Without counts: how many there might be, and the difference as printed.
    assert " gpt-4o, cold " in page and "medqa|sad|stated|3|–|–|–|−1.2|0.500|0.500|" in page  # noqa: RUF001
    assert "Of 2 cells only one set" in page and "The counts behind 3 cells" in page
    assert "Mean errors of warm in the article, by context" in page and "Error of cold (%)" in page
    assert "none|sad|20|19.3|30.6|+11.3|" in page and "none|llama-8b|36|30.2|34.5|+4.3|" in page
    assert "this study" not in page.lower()


def test_a_study_stands_in_the_next_columns_with_how_many_differ() -> None:
    page = texts(published.page(**contents()))
    beside = "|123|21|11|+8.1|+3.1|−5.2|+11.4|0.464|0.031|asserts_wrong|compared|"  # noqa: RUF001
    assert f"medqa|sad|stated|1|400|57|37|+5.0|0.049|0.063{beside}" in page
    assert "|7.43|7.17|pp|no|+6.66|+5.55|−1.11|−2.22|+0.11|0.071|0.142|compared|Framed" in page  # noqa: RUF001
    assert "arm warm@2 has 1 of the published cells" in page
    assert "in 1 of them the two differ" in page and "1 more cannot be compared" in page
    assert "Of 1 summary numbers over the same cells that can be compared, 0 differ for warm@2; 0 more" in page
    # The other model of the article has no counterpart.
    assert "llama-8b, warm, beside warm@2 of small" in page and " gpt-4o, warm " in page


def test_every_table_links_to_its_files_and_nothing_is_loaded() -> None:
    elements = PageElements(published.page(**contents()))
    files = {link for link in elements.links if not link.startswith("#")}
    assert files == {"numbers.csv", "counts.csv", "errors.csv", "this_study.csv", "this_study_numbers.csv"}
    assert {"script", "img", "link"}.isdisjoint(elements.names)


def test_no_text_of_a_file_becomes_markup() -> None:
    hostile = "<script>alert(1)</script>"
    numbers = contents()["numbers"].content.with_columns(note=pl.lit(hostile), statement=pl.lit(hostile))
    cells = pl.DataFrame([OWN | {"beliefs": hostile, "arm": hostile, "model": hostile}])
    page = published.page(**contents(numbers=source("numbers.csv", numbers), cells=[source("this_study.csv", cells)]))
    assert "<script" not in page and "&lt;script&gt;" in page
