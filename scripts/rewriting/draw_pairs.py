"""Draw a blinded sheet of random pairs of original and rewriting for a person to read."""

import argparse

from warmline.lineage.script import Parser, run
from warmline.rewriting import reading_sheet
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.rewrites import REWRITES
from warmline.tables.rewriting_results import SHEET, SHEET_KEY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("rewrites", "every reply beside its rewriting")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.writes("sheet", "the pairs, without saying which is which")
    parser.writes("key", "which is which, and whose")
    return parser


def main(arguments: argparse.Namespace) -> None:
    sheet, key = reading_sheet.draw(parquet_tables.read(arguments.rewrites, REWRITES), arguments.seed)
    csv_tables.write(sheet, SHEET, arguments.sheet)
    csv_tables.write(key, SHEET_KEY, arguments.key)


if __name__ == "__main__":
    run(build_parser(), main)
