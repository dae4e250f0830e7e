"""Sample training and validation conversations, equally many of every query type."""

import argparse

import polars as pl

from warmline.conversations import sampling
from warmline.lineage.script import Parser, run
from warmline.tables import counts, csv_tables, parquet_tables
from warmline.tables.conversation_counts import SAMPLE
from warmline.tables.messages import LABELLED


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("labelled", "messages with their conversation's query type")
    parser.add_argument("--training-size", required=True, type=int, help="conversations to train on")
    parser.add_argument("--validation-size", required=True, type=int, help="conversations to measure warmth on")
    parser.add_argument(
        "--short-type", default=sampling.STOP, choices=sampling.SHORT, help="where a type has too few conversations"
    )
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.writes("training", "messages of the training conversations")
    parser.writes("validation", "messages of the validation conversations")
    parser.writes("realised", "conversations, replies and prompts drawn, by query type")
    parser.writes("counts", "conversations sampled and not")
    return parser


def main(arguments: argparse.Namespace) -> None:
    labelled = parquet_tables.read(arguments.labelled, LABELLED)
    training, validation = sampling.balanced(
        labelled,
        training=arguments.training_size,
        validation=arguments.validation_size,
        seed=arguments.seed,
        short=arguments.short_type,
    )
    for identities, path in ((training, arguments.training), (validation, arguments.validation)):
        chosen = labelled.filter(pl.col("conversation").is_in(identities))
        parquet_tables.write(chosen, LABELLED, path)
    csv_tables.write(sampling.realised(labelled, training, validation), SAMPLE, arguments.realised)
    rest = labelled["conversation"].n_unique() - len(training) - len(validation)
    outcomes = {"kept for training": len(training), "kept for validation": len(validation), "not drawn": rest}
    counts.write("sampling: conversations", outcomes, arguments.counts)


if __name__ == "__main__":
    run(build_parser(), main)
