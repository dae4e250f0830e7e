"""Measure the SocioT warmth of an arm's responses to the validation prompts."""

import argparse

import polars as pl
import torch

from warmline.answers import generations
from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.lineage.script import Parser, run
from warmline.models import cards, weights
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.warmth import WARMTH
from warmline.warmth import sociot


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("generations", "the arm's answers to the validation prompts")
    parser.reads("arm", "the arm's card")
    parser.reads("scorer", "card of the language model whose likelihood measures warmth")
    parser.add_argument("--precision", required=True, help="torch dtype of the scoring model")
    parser.add_argument("--quantization", choices=["nf4"], help="nf4: the scoring model is loaded in 4 bits")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; another number may round differently")
    parser.writes("warmth", "the warmth of every response")
    return parser


def main(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    scorer = cards.read_weights(arguments.scorer)
    device = weights.default_device()
    model = weights.for_inference(weights.load_model(scorer, arguments.precision, device, arguments.quantization))
    answered = parquet_tables.read(arguments.generations, GENERATIONS)
    arm = cards.read_arm(arguments.arm)
    tokenizer = weights.load_tokenizer(scorer, chats=False)
    texts = answered.select(generations.graded_text())["text"].to_list()
    scores = [
        sociot.score(model, tokenizer, texts, variant).with_columns(answered["item"], variant=pl.lit(variant))
        for variant in (CLEAN, AS_PUBLISHED)
    ]
    named = pl.concat(scores).with_columns(
        model=pl.lit(arm.model),
        arm=pl.lit(arm.arm),
        persona=pl.lit(arm.persona, dtype=pl.String),
        checkpoint=pl.lit(arm.checkpoint, dtype=pl.Float64),
    )
    parquet_tables.write(named, WARMTH, arguments.warmth)


if __name__ == "__main__":
    run(build_parser(), main)
