"""Read a task's questions from files in its benchmark's layout and draw a sample."""

import argparse
import json

from warmline import counts, questions, sources, tables, vignettes
from warmline.command import Parser, run
from warmline.variants import CORRECTED


def size(text: str) -> int | None:
    """A number of questions; None for all of them."""
    return None if text == questions.ALL else int(text)


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("source", "the benchmark's files, read as one table", several=True)
    parser.add_argument("--origin", type=json.loads, help="where the files came from, or their sha256s, as JSON")
    parser.add_argument("--task", required=True, help="id of the task")
    parser.add_argument("--layout", required=True, choices=sorted(questions.LAYOUTS), help="layout of the files")
    parser.add_argument("--dataset", help="which of several data sets in the files")
    parser.add_argument("--quotes", choices=questions.QUOTES, default=CORRECTED, help="doubled quotes")
    parser.add_argument("--size", required=True, type=size, help="questions to draw, or all")
    parser.add_argument("--conversion", choices=vignettes.CONVERSIONS, default="none", help="how vignettes are told")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.writes("questions", "the questions drawn")
    parser.writes("card", "what was read: files, sha256s, rows")
    parser.writes("counts", "questions drawn, not drawn and left out, by reason")
    return parser


def main(arguments: argparse.Namespace) -> None:
    sources.check(arguments.source, arguments.origin)
    found, left_out = questions.read(
        arguments.task, arguments.layout, arguments.source, arguments.dataset, arguments.quotes
    )
    drawn = questions.sample(found, arguments.task, arguments.size, arguments.seed)
    told, kept = vignettes.converted(drawn, arguments.conversion, arguments.seed)
    tables.write(told, questions.QUESTIONS, arguments.questions)
    rows = found.height + sum(left_out.values())
    sources.write_card(arguments.source, rows, arguments.card, arguments.origin, noted=questions.note_oddities(found))
    outcomes = {**left_out, **kept, "not drawn": found.height - drawn.height}
    counts.write(f"questions, {arguments.task}: questions", outcomes, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
