"""Put the library that draws in a browser into one file, once for the pages of all figures."""

from __future__ import annotations

import argparse

from warmline.figures import drawing_library
from warmline.lineage.script import Parser, run


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.writes("library", "the library, JavaScript")
    return parser


def main(arguments: argparse.Namespace) -> None:
    arguments.library.write_text(drawing_library.bundle(), encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main)
