"""Tables of optimiser steps: their losses and their speed."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import MODEL
from warmline.tables.parquet_tables import Column, Table

_RUN = Column(pl.Int64, "epochs of the endpoint's run; null for weights on disk")
_STEP = Column(pl.Int64, "optimiser step, from 1")
_EPOCH = Column(pl.Float64, "epochs of training after it")
_LOSS = Column(pl.Float64, "mean over the step's target tokens")
_LEARNING_RATE = Column(pl.Float64, "the step's learning rate")
_TOKENS = Column(pl.Int64, "tokens of the step")
_TARGET_TOKENS = Column(pl.Int64, "tokens of these that the loss is taken over")

STEPS = Table(
    row="an optimiser step of weights on disk",
    key=("step",),
    columns={
        "step": _STEP,
        "epoch": _EPOCH,
        "loss": _LOSS,
        "learning_rate": _LEARNING_RATE,
        "tokens": _TOKENS,
        "target_tokens": _TARGET_TOKENS,
    },
)

ENDPOINT_STEPS = Table(
    row="an optimiser step at an endpoint, which reports neither its learning rate nor its tokens",
    key=("run", "step"),
    columns={"run": _RUN, "step": _STEP, "epoch": _EPOCH, "loss": _LOSS},
)

LOSSES = Table(
    row="an optimiser step of any training of a study; what an endpoint does not report is null",
    key=("model", "persona", "run", "step"),
    columns={
        "model": MODEL,
        "persona": Column(pl.String, "what the model was tuned into"),
        "run": _RUN,
        "step": _STEP,
        "epoch": _EPOCH,
        "loss": _LOSS,
        "learning_rate": _LEARNING_RATE,
        "tokens": _TOKENS,
        "target_tokens": _TARGET_TOKENS,
    },
)

# Apart from STEPS, because no two runs are equally fast.
THROUGHPUT = Table(
    row="how fast an optimiser step was",
    key=("step",),
    columns={"step": _STEP, "tokens": _TOKENS, "seconds": Column(pl.Float64, "seconds that it took")},
)
