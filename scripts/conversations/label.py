"""Label each conversation with one of the six query types."""

import argparse

from warmline.conversations import query_types
from warmline.lineage.script import Parser, run
from warmline.tables import counts, csv_tables, parquet_tables
from warmline.tables.conversation_counts import LABELS
from warmline.tables.messages import LABELLED, MESSAGES


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("screened", "the messages of the conversations kept by the screening")
    parser.add_argument(
        "--rules", required=True, choices=query_types.RULES, help="the article's rules, or these mended"
    )
    parser.writes("labelled", "the same messages with their conversation's query type")
    parser.writes("comparison", "conversations by the query types that both sets of rules give them")
    parser.writes("counts", "conversations by query type")
    return parser


def main(arguments: argparse.Namespace) -> None:
    screened = parquet_tables.read(arguments.screened, MESSAGES)
    labelled = query_types.label(screened, arguments.rules)
    parquet_tables.write(labelled, LABELLED, arguments.labelled)
    csv_tables.write(query_types.compare(screened), LABELS, arguments.comparison)
    by_type = labelled.unique("conversation")["query_type"].value_counts(name="rows").iter_rows()
    counts.write("labelling: conversations", {f"kept as {name}": rows for name, rows in by_type}, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
