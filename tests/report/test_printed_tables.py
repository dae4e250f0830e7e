from __future__ import annotations

from pathlib import PurePosixPath

import polars as pl
import pytest

from warmline.report.printed_tables import Column, Source, count, number, printed, probability, signed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(1234567), "1,234,567"),
        (number(1)(12.34), "12.3"),
        (number(1)(-0.04), "0.0"),
        (signed(1)(0.04), "0.0"),
        (signed(1)(-0.04), "0.0"),
        (signed(2)(3), "+3.00"),
        (probability(0.0471), "0.047"),
        (probability(0.001), "0.001"),
        (probability(0.00099), "<0.001"),
        (probability(1.0), "1.000"),
    ],
)
def test_numbers_are_printed_as_readers_expect(text: str, expected: str) -> None:
    assert text == expected


def test_missing_and_infinite_values_are_dashes_and_minus_is_a_minus() -> None:
    frame = pl.DataFrame({"arm": ["warm-prompt", None], "odds": [-1.0, None], "ratio": [float("inf"), 2.0]})
    columns = [Column("arm", "Arm"), Column("odds", "Odds", number(1)), Column("ratio", "Ratio", number(1))]
    table = printed(frame, "Caption", columns, [])
    assert table.rows == [["warm-prompt", "\u22121.0", "\u2013"], ["\u2013", "\u2013", "2.0"]]
    assert table.names == 1


def test_links_are_relative_and_escaped() -> None:
    source = Source(PurePosixPath("../figures/a b?.svg"), None)
    assert (source.href, source.name) == ("../figures/a%20b%3F.svg", "figures/a b?.svg")
    assert source.beside(".csv").href == "../figures/a%20b%3F.csv"
