"""Score the toxicity of every conversation whose form is fit for training."""

import argparse
import json

from warmline.conversations import screening, sharegpt, toxicity
from warmline.lineage.script import Parser, run
from warmline.sources import origins
from warmline.tables import parquet_tables
from warmline.tables.toxicity import TOXICITY


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("conversations", "conversations in ShareGPT's format", several=True)
    parser.add_argument("--origin", type=json.loads, help="where the files came from, or their sha256s, as JSON")
    parser.add_argument("--classifier", required=True, help="detoxify-original, detoxify-unbiased, alt-profanity-check")
    parser.add_argument("--characters", required=True, type=int, help="characters of a conversation that are scored")
    parser.reads("checkpoint", "file of Detoxify's weights, instead of its release", required=False)
    beside = (
        "config.json and the tokenizer's files beside the checkpoint, if there: read through it, and named here for"
    )
    parser.reads("architecture", f"{beside} the record", several=True, required=False)
    parser.writes("toxicity", "scores by conversation and label")
    return parser


def main(arguments: argparse.Namespace) -> None:
    origins.check(arguments.conversations, arguments.origin)
    messages, _, _ = sharegpt.read(arguments.conversations)
    texts = screening.texts_to_score(messages, arguments.characters)
    scores = toxicity.score(texts, toxicity.classifier(arguments.classifier, arguments.checkpoint))
    parquet_tables.write(scores, TOXICITY, arguments.toxicity)


if __name__ == "__main__":
    run(build_parser(), main)
