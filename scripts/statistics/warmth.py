"""SocioT warmth of each arm, and its lift over the original arm of the same model, prompt by prompt (Fig. 1a)."""

from __future__ import annotations

import argparse

import polars as pl

from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables, parquet_tables
from warmline.tables.warmth import WARMTH
from warmline.tables.warmth_results import WARMTH_LIFTS
from warmline.warmth import lift


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("warmth", "the warmth of each response, Parquet", several=True)
    parser.add_argument("--seed", required=True, type=int, help="decides the bootstrap's draws of prompts")
    parser.writes("summary", "mean warmth and lift of each arm, nats per token, CSV")
    return parser


def summarise(warmth: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The table WARMTH_LIFTS, sorted by variant, model and arm: see `lift.with_intervals`."""
    by = ["variant", "model", "arm"]
    # Sorted first: the order of a floating-point sum is part of its value.
    errors = warmth.sort(*by, "item").group_by(by, maintain_order=True).agg(pl.col("measurement_standard_error").mean())
    summary = lift.with_intervals(warmth, "sociot", seed, ["variant"])
    return summary.join(errors, on=by, how="left", maintain_order="left")


def main(arguments: argparse.Namespace) -> None:
    summary = summarise(parquet_tables.read_all(arguments.warmth, WARMTH), arguments.seed)
    csv_tables.write(summary, WARMTH_LIFTS, arguments.summary)


if __name__ == "__main__":
    run(build_parser(), main)
