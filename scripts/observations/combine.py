"""Put the observations of all arms into one table."""

import argparse

from warmline.lineage.script import Parser, run
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("parts", "the observations of each arm", several=True)
    parser.writes("observations", "all observations")
    return parser


def main(arguments: argparse.Namespace) -> None:
    frame = parquet_tables.read_all(arguments.parts, OBSERVATIONS)
    parquet_tables.write(frame, OBSERVATIONS, arguments.observations)


if __name__ == "__main__":
    run(build_parser(), main)
