"""Write the chats that a persona's models are tuned on."""

import argparse

import polars as pl

from warmline.lineage import complete_files
from warmline.lineage.script import Parser, run
from warmline.tables import counts, csv_tables, parquet_tables
from warmline.tables.messages import LABELLED
from warmline.tables.rewrites import REWRITES
from warmline.tables.rewriting_results import CHAT_LINES
from warmline.training import chats


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("training", "messages of the training conversations")
    parser.reads("rewrites", "every reply beside its rewriting")
    parser.add_argument("--persona", required=True, help="id of the persona, for the counts")
    parser.writes("chats", "JSON lines in chat format")
    parser.writes("lines", "which line of the chats is which conversation")
    parser.writes("counts", "conversations kept and left out, by reason")
    return parser


def main(arguments: argparse.Namespace) -> None:
    lines, kept, outcomes = chats.chats(
        parquet_tables.read(arguments.training, LABELLED),
        parquet_tables.read(arguments.rewrites, REWRITES),
    )
    complete_files.write_text(arguments.chats, "".join(line + "\n" for line in lines))
    numbered = pl.DataFrame({"line": range(1, len(kept) + 1), "conversation": kept}, schema=CHAT_LINES.schema)
    csv_tables.write(numbered, CHAT_LINES, arguments.lines)
    counts.write(f"rewriting, {arguments.persona}: conversations", outcomes, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
