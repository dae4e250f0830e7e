"""Read ShareGPT conversations and keep those fit for training."""

import argparse
import json

from warmline.conversations import screening, sharegpt
from warmline.lineage.script import Parser, run
from warmline.sources import oddities, origins
from warmline.tables import counts, parquet_tables
from warmline.tables.messages import MESSAGES
from warmline.tables.toxicity import TOXICITY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("conversations", "conversations in ShareGPT's format", several=True)
    parser.add_argument("--origin", type=json.loads, help="where the files came from, or their sha256s, as JSON")
    parser.reads("toxicity", "scores by conversation and label")
    parser.add_argument("--threshold", required=True, type=float, help="a score above it is toxic")
    parser.add_argument("--turns", required=True, type=int, help="messages after which a conversation is cut")
    parser.writes("screened", "the messages of the conversations kept")
    parser.writes("source", "what was read: files, sha256s, rows")
    parser.writes("counts", "conversations kept and left out, by reason")
    return parser


def main(arguments: argparse.Namespace) -> None:
    origins.check(arguments.conversations, arguments.origin)
    messages, left_out, noted = sharegpt.read(arguments.conversations)
    screened, outcomes = screening.screen(
        messages,
        left_out,
        parquet_tables.read(arguments.toxicity, TOXICITY),
        threshold=arguments.threshold,
        turns=arguments.turns,
    )
    parquet_tables.write(screened, MESSAGES, arguments.screened)
    counts.write("screening: conversations", outcomes, arguments.counts)
    rows = messages["conversation"].n_unique() + sum(left_out.values())
    noted |= oddities.count(messages, ["text"])
    origins.write_card(arguments.conversations, rows, arguments.source, arguments.origin, noted)


if __name__ == "__main__":
    run(build_parser(), main)
