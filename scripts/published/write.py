"""Write the page of the article's numbers, with every number taken from a file and linked to it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path, PurePosixPath

import polars as pl

from warmline.lineage.script import Parser, run
from warmline.report import pages, published
from warmline.report.printed_tables import Source
from warmline.tables import csv_tables
from warmline.tables.parquet_tables import Table
from warmline.tables.published_numbers import CELL_ERRORS, COMPARED_CELLS, COMPARED_NUMBERS, COUNTS, NUMBERS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("numbers", "published/numbers.csv")
    parser.reads("counts", "published/counts.csv")
    parser.reads("errors", "published/errors.csv")
    parser.reads("cells", "published/this_study.csv, if there is one", several=True, required=False)
    parser.reads("estimates", "published/this_study_numbers.csv, if there is one", several=True, required=False)
    parser.reads("template", "the page's template, the library's own by default", required=False)
    parser.reads("base", "the template that it extends, the library's own by default", required=False)
    parser.set_defaults(template=published.TEMPLATE, base=pages.BASE)
    parser.writes("page", "the page")
    return parser


def main(arguments: argparse.Namespace) -> None:
    def source(path: Path, table: Table) -> Source[pl.DataFrame]:
        relative = Path(os.path.relpath(path, arguments.page.parent))
        return Source(PurePosixPath(relative.as_posix()), csv_tables.read(path, table))

    page = published.page(
        numbers=source(arguments.numbers, NUMBERS),
        counts=source(arguments.counts, COUNTS),
        errors=source(arguments.errors, CELL_ERRORS),
        cells=[source(path, COMPARED_CELLS) for path in arguments.cells],
        estimates=[source(path, COMPARED_NUMBERS) for path in arguments.estimates],
        template=arguments.template.read_text("utf-8"),
        base=arguments.base.read_text("utf-8"),
    )
    arguments.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main)
