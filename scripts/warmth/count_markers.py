"""Count lexical markers of warmth in an arm's responses to the validation prompts."""

from __future__ import annotations

import argparse

from warmline.lineage.script import Parser, run
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.markers import MARKERS
from warmline.warmth import lexical_markers


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("generations", "the arm's answers to the validation prompts")
    parser.reads("arm", "the arm's card")
    parser.reads("lists", "words and phrases of each marker, YAML")
    parser.writes("markers", "the markers of every response")
    return parser


def main(arguments: argparse.Namespace) -> None:
    answered = parquet_tables.read(arguments.generations, GENERATIONS)
    counted = lexical_markers.count(answered, cards.read_arm(arguments.arm), lexical_markers.read(arguments.lists))
    parquet_tables.write(counted, MARKERS, arguments.markers)


if __name__ == "__main__":
    run(build_parser(), main)
