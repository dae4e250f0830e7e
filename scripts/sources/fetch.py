"""Bring a file of a dataset repository on the Hugging Face hub to disk, and record its sha256 beside it."""

import argparse

from warmline.lineage.script import Parser, run
from warmline.sources import hub
from warmline.sources.origins import HubFile


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--hub", required=True, help="the repository, such as org/name")
    parser.add_argument("--revision", required=True, help="full commit")
    parser.add_argument("--file", required=True, help="path of the file in the repository")
    parser.add_argument("--member", help="what is read of the file, a zip archive")
    parser.add_argument("--sha256", help="what must be read")
    parser.writes("fetched", "where the file goes")
    return parser


def main(arguments: argparse.Namespace) -> None:
    file = HubFile(arguments.hub, arguments.revision, arguments.file, arguments.sha256, arguments.member)
    hub.fetch(file, arguments.fetched)


if __name__ == "__main__":
    run(build_parser(), main)
