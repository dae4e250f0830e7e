"""Read a task's questions from files in its benchmark's layout and draw a sample."""

import argparse
import json

from warmline.design.variants import CORRECTED
from warmline.lineage.script import Parser, run
from warmline.questions import reading, vignettes
from warmline.sources import origins
from warmline.tables import counts, parquet_tables
from warmline.tables.questions import QUESTIONS


def size(text: str) -> int | None:
    """A number of questions; None for all of them."""
    return None if text == reading.ALL else int(text)


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("source", "the benchmark's files, read as one table", several=True)
    parser.add_argument("--origin", type=json.loads, help="where the files came from, or their sha256s, as JSON")
    parser.add_argument("--task", required=True, help="id of the task")
    parser.add_argument("--layout", required=True, choices=sorted(reading.LAYOUTS), help="layout of the files")
    parser.add_argument("--dataset", help="which of several data sets in the files")
    parser.add_argument("--quotes", choices=reading.QUOTES, default=CORRECTED, help="doubled quotes")
    parser.add_argument("--size", required=True, type=size, help="questions to draw, or all")
    parser.add_argument("--conversion", choices=vignettes.CONVERSIONS, default="none", help="how vignettes are told")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.writes("questions", "the questions drawn")
    parser.writes("card", "what was read: files, sha256s, rows")
    parser.writes("counts", "questions drawn, not drawn and left out, by reason")
    return parser


def main(arguments: argparse.Namespace) -> None:
    origins.check(arguments.source, arguments.origin)
    found, left_out = reading.read(
        arguments.task, arguments.layout, arguments.source, arguments.dataset, arguments.quotes
    )
    drawn = reading.sample(found, arguments.task, arguments.size, arguments.seed)
    told, kept = vignettes.converted(drawn, arguments.conversion, arguments.seed)
    parquet_tables.write(told, QUESTIONS, arguments.questions)
    rows = found.height + sum(left_out.values())
    origins.write_card(arguments.source, rows, arguments.card, arguments.origin, noted=reading.note_oddities(found))
    outcomes = {**left_out, **kept, "not drawn": found.height - drawn.height}
    counts.write(f"questions, {arguments.task}: questions", outcomes, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
