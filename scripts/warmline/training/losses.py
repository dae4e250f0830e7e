"""How the loss fell while a study's models were trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from warmline.tables import csv_tables
from warmline.tables.training_steps import ENDPOINT_STEPS, LOSSES, STEPS


def loss_table(paths: Sequence[Path]) -> pl.DataFrame:
    """The steps of every training, sorted by model, persona, run and step: the table LOSSES.

    A path is `adapters/<model>/<persona>/training.csv`. Raises UserError for a file that is neither of the table STEPS
    nor of ENDPOINT_STEPS.
    """
    frames = [
        csv_tables.read_one_of(path, STEPS, ENDPOINT_STEPS).with_columns(
            model=pl.lit(path.parts[-3]), persona=pl.lit(path.parts[-2])
        )
        for path in paths
    ]
    table = pl.concat([LOSSES.schema.to_frame(), *frames], how="diagonal_relaxed")
    return table.select(*LOSSES.columns).sort(LOSSES.key)
