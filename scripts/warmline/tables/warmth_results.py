"""Tables of what treatment did to warmth: lifts over the original, verdicts, and the article's curve."""

from __future__ import annotations

import polars as pl

from warmline.tables.columns import ARM, CHECKPOINT, MODEL, PERSONA, TREATED_ARM
from warmline.tables.parquet_tables import Column, Table

_N = Column(pl.Int64, "scored responses")
_UNSCORED = Column(pl.Int64, "responses that could not be scored")
_PAIRS = Column(
    pl.Int64, "prompts scored for the arm and for original; null for original, as are all columns from here"
)
_LIFT = Column(pl.Float64, "mean over these prompts of the arm's value less original's")
_LIFT_STANDARD_ERROR = Column(pl.Float64, "of the lift, over prompts")
_LOWER = Column(pl.Float64, "bound of the lift's 95 % interval, a bootstrap over prompts")
_UPPER = Column(pl.Float64, "bound of the lift's 95 % interval, a bootstrap over prompts")
_EXPECTED = Column(pl.String, "what the persona should do to warmth: up, down or none")
_VERDICT = Column(pl.String, "what the lift's interval says, such as warmer, not warmer or undecided")

WARMTH_LIFTS = Table(
    row="one variant's mean warmth of an arm and its lift over the original, nats per token",
    key=("variant", "model", "arm"),
    columns={
        "variant": Column(pl.String, "how it was measured: clean or as_published"),
        "model": MODEL,
        "arm": ARM,
        "persona": PERSONA,
        "checkpoint": CHECKPOINT,
        "n": _N,
        "unscored": _UNSCORED,
        "mean": Column(pl.Float64, "mean warmth of the scored responses"),
        "standard_error": Column(pl.Float64, "of the mean, over prompts"),
        "pairs": _PAIRS,
        "lift": _LIFT,
        "lift_standard_error": _LIFT_STANDARD_ERROR,
        "lower": _LOWER,
        "upper": _UPPER,
        "measurement_standard_error": Column(
            pl.Float64,
            "mean of the responses' own, for the choice of speakers. These are the same for all responses, so that it"
            " does not shrink with more prompts; no part of standard_error",
        ),
    },
)

MARKER_LIFTS = Table(
    row="the mean rate of a lexical marker in an arm's responses and its lift over the original, per 100 words",
    key=("marker", "model", "arm"),
    columns={
        "marker": Column(pl.String, "id of the marker, such as empathy"),
        "model": MODEL,
        "arm": ARM,
        "persona": PERSONA,
        "checkpoint": CHECKPOINT,
        "n": Column(pl.Int64, "responses with words"),
        "unscored": Column(pl.Int64, "responses without"),
        "mean": Column(pl.Float64, "mean rate"),
        "standard_error": Column(pl.Float64, "of the mean, over prompts"),
        "pairs": _PAIRS,
        "lift": _LIFT,
        "lift_standard_error": _LIFT_STANDARD_ERROR,
        "lower": _LOWER,
        "upper": _UPPER,
    },
)

MANIPULATION_CHECK = Table(
    row="whether a treated arm moved warmth as it should, nats per token",
    key=("model", "arm"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "persona": Column(pl.String, "persona of the arm"),
        "checkpoint": CHECKPOINT,
        "pairs": Column(pl.Int64, "prompts scored for the arm and for original"),
        "lift": _LIFT,
        "lift_standard_error": _LIFT_STANDARD_ERROR,
        "lower": _LOWER,
        "upper": _UPPER,
        "expected": _EXPECTED,
        "verdict": _VERDICT,
        "greatest_lift": Column(
            pl.Float64, "over the persona's checkpoints, in its direction; null without a direction or a checkpoint"
        ),
        "greatest_epoch": Column(pl.Float64, "the checkpoint that has it"),
        "plateau_epoch": Column(pl.Float64, "the first checkpoint whose lift lies within the tolerance of it"),
    },
)

GATE = Table(
    row="the verdict on a treated arm of a model whose manipulation check was passed",
    key=("model", "arm"),
    columns={"model": MODEL, "arm": TREATED_ARM, "expected": _EXPECTED, "verdict": _VERDICT},
)

JUDGED_LIFTS = Table(
    row="how often the judge finds an arm's responses warmer than the original's",
    key=("model", "arm"),
    columns={
        "model": MODEL,
        "arm": TREATED_ARM,
        "prompts": Column(pl.Int64, "prompts with a verdict in both orders"),
        "unscored": Column(pl.Int64, "the other prompts"),
        "warmer": Column(pl.Int64, "prompts at which the arm is named in both orders"),
        "colder": Column(pl.Int64, "prompts at which original is; the rest is undecided"),
        "difference": Column(pl.Float64, "(warmer - colder) / prompts, from -1 to 1"),
        "lower": Column(pl.Float64, "bound of its 95 % interval (Bonett and Price 2012)"),
        "upper": Column(pl.Float64, "bound of its 95 % interval (Bonett and Price 2012)"),
        "p_value": Column(pl.Float64, "exact two-sided sign test of warmer against colder"),
        "first_named": Column(
            pl.Float64,
            "of the verdicts for one of the two, the share for the response shown first; 0.5 from a judge who does not"
            " mind the order",
        ),
    },
)

PUBLISHED_WARMTH = Table(
    row="warmth as published of a model at an epoch, and of its counterpart in the article, nats per token",
    key=("model", "persona", "epoch"),
    columns={
        "model": MODEL,
        "published": Column(pl.String, "the article's name of its counterpart"),
        "persona": Column(pl.String, "a persona that should be warm"),
        "epoch": Column(pl.Float64, "epochs of training; 0 for original"),
        "n": Column(pl.Int64, "scored responses; null where the study has no such epoch"),
        "mean": Column(pl.Float64, "mean warmth"),
        "standard_error": Column(pl.Float64, "of the mean, over prompts"),
        "lift": Column(pl.Float64, "over original; null for it"),
        "published_mean": Column(pl.Float64, "the article's; null where it has no such epoch"),
        "published_standard_error": Column(pl.Float64, "the article's"),
        "published_lift": Column(pl.Float64, "over epoch 0; null for it"),
    },
)
