"""Warmth as if it were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from warmline.design.variants import AS_PUBLISHED
from warmline.tables.warmth import WARMTH


def measured(arm: str, values: Sequence[float | None], model: str = "a", variant: str = "clean") -> pl.DataFrame:
    persona, _, epoch = arm.partition("@")
    rows = [
        (variant, model, arm, persona if epoch else None, float(epoch) if epoch else None, f"{number:04d}", value)
        for number, value in enumerate(values)
    ]
    numbers = {"checkpoint": pl.Float64, "value": pl.Float64}
    names = ["variant", "model", "arm", "persona", "checkpoint", "item", "value"]
    return pl.DataFrame(rows, schema={name: numbers.get(name, pl.String) for name in names}, orient="row")


def normal(size: int, mean: float, seed: int) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, 1, size))


PROMPTS = 40


def warmth(lifts: Mapping[str, float | None], model: str = "a") -> pl.DataFrame:
    """Arms whose warmth lies so far above the original's on every prompt, give or take a little; None: unscored."""
    arms = [measured("original", [0.0] * PROMPTS, model)]
    for seed, (arm, lift) in enumerate(lifts.items()):
        noise = [0.001 * (value - 1) for value in normal(PROMPTS, 1, seed)]
        arms.append(measured(arm, [None if lift is None else lift + value for value in noise], model))
    clean = pl.concat(arms).rename({"value": "sociot"})
    zeros = {name: pl.lit(0.0) for name in ("warm", "cold", "measurement_standard_error")}
    # What the published variant says changes nothing.
    other = clean.with_columns(variant=pl.lit(AS_PUBLISHED), sociot=-pl.col("sociot"))
    return pl.concat([clean, other]).with_columns(**zeros).select(*WARMTH.columns)


CURVE = {"warm@0.5": 0.002, "warm@1": 0.0097, "warm@2": 0.01, "warm@10": 0.0099}
