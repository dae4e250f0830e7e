"""The manipulation check: did each treatment change warmth as it was meant to?

If a warm arm is not warmer than the original it was made from, its accuracy says nothing about warmth. What a persona
should do to warmth is named in the configuration, before anything is measured; the verdict follows from the interval of
the lift alone, never from accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from warmline.design.arms import ORIGINAL, PLATEAU
from warmline.design.variants import CLEAN
from warmline.lineage.errors import UserError
from warmline.tables.warmth_results import MANIPULATION_CHECK
from warmline.warmth import lift

UP, DOWN, NONE = "up", "down", "none"
SIGNS = {UP: 1, DOWN: -1}
# What the interval says of an arm, and what it must say where the persona has a direction.
WARMER, COLDER, UNDECIDED, NOT_MEASURED = "warmer", "colder", "undecided", "not measured"
MEANT = {UP: WARMER, DOWN: COLDER}

CHECKED = ("model", "arm", "persona", "checkpoint", "pairs", "lift", "lift_standard_error", "lower", "upper")


def check(
    warmth: pl.DataFrame, arms: Sequence[str], directions: Mapping[str, str], tolerance: float, seed: int
) -> pl.DataFrame:
    """One row of MANIPULATION_CHECK for each of a model's treated arms that answer questions, sorted by arm.

    `warmth` is the table WARMTH of the original, these arms and all checkpoints; the variant `clean` is read.
    `directions` gives for each persona the direction in which it should move warmth: up, down or none. Lift and
    interval (nats per token) are those of `lift.with_intervals`; the last columns of a tuned arm's row are about the
    checkpoints of its persona: see `plateau`.
    """
    lifts = lift.with_intervals(warmth.filter(variant=CLEAN), "sociot", seed)
    curves = {persona: plateau(lifts, persona, direction, tolerance) for persona, direction in directions.items()}
    rows = []
    for row in lifts.filter(pl.col("arm").is_in(arms), pl.col("arm") != ORIGINAL).iter_rows(named=True):
        direction = directions[row["persona"]]
        curve = curves[row["persona"]] if row["checkpoint"] is not None else None
        found = verdict(direction, row["lower"], row["upper"])
        rows.append({name: row[name] for name in CHECKED} | {"expected": direction, "verdict": found} | (curve or {}))
    return pl.DataFrame(rows, schema=MANIPULATION_CHECK.schema)


def verdict(direction: str, lower: float | None, upper: float | None) -> str:
    """What the interval of a lift says: warmer or colder if it excludes zero; else undecided.

    Where a direction is expected, an interval on the wrong side of zero is "not warmer" or "not colder".
    """
    if lower is None or upper is None:
        return NOT_MEASURED
    found = WARMER if lower > 0 else COLDER if upper < 0 else UNDECIDED
    meant = MEANT.get(direction)
    return found if meant in (None, found) or found == UNDECIDED else f"not {meant}"


def plateau(lifts: pl.DataFrame, persona: str, direction: str, tolerance: float) -> dict[str, float] | None:
    """Where a model's warmth stops changing: the first epoch whose lift lies within `tolerance` of the greatest.

    `tolerance` is a share of the greatest lift over all checkpoints, both taken in the persona's direction. The result
    holds greatest_lift, greatest_epoch and plateau_epoch; it is None for a persona without a direction, or if no
    checkpoint moved warmth in the persona's direction.
    """
    sign = SIGNS.get(direction)
    # The arm that follows from this rule is one of the others once more.
    others = ~pl.col("arm").str.ends_with(f"@{PLATEAU}")
    curve = lifts.filter(pl.col("persona") == persona, pl.col("checkpoint").is_not_null(), others).drop_nulls("lift")
    if sign is None or curve.is_empty():
        return None
    curve = curve.sort("checkpoint").with_columns(gained=sign * pl.col("lift"))
    greatest = curve.row(int(curve["gained"].arg_max() or 0), named=True)
    if greatest["gained"] <= 0:
        return None
    reached = curve.filter(pl.col("gained") >= (1 - tolerance) * greatest["gained"])
    return {
        "greatest_lift": greatest["lift"],
        "greatest_epoch": greatest["checkpoint"],
        "plateau_epoch": reached["checkpoint"][0],
    }


def choose(
    warmth: pl.DataFrame, persona: str, direction: str, tolerance: float
) -> tuple[float, dict[str, float | list[float]]]:
    """The epoch on the plateau of a model's warmth, and the curve that it follows from: epochs, lifts, tolerance.

    `warmth` is the table WARMTH of the original and of the persona's checkpoints. Raises UserError if no checkpoint
    moved warmth in the persona's direction.
    """
    lifts = lift.lifts(warmth.filter(variant=CLEAN), "sociot").drop_nulls("lift").sort("checkpoint")
    curve: dict[str, float | list[float]] = {
        "epochs": lifts["checkpoint"].to_list(),
        "lifts": lifts["lift"].to_list(),
        "tolerance": tolerance,
    }
    found = plateau(lifts, persona, direction, tolerance)
    if found is None:
        raise UserError(
            f"no checkpoint of {persona} moved warmth {direction}, so there is no plateau to choose from: lifts "
            f"{curve['lifts']} at the epochs {curve['epochs']}. Train longer or at a higher rate, or name an epoch: "
            f"{persona}@<epoch>."
        )
    return found["plateau_epoch"], curve


def failed(checked: pl.DataFrame) -> pl.DataFrame:
    """The rows of arms that did not do to warmth what their persona should."""
    meant = pl.col("expected").replace_strict(MEANT, default=None)
    return checked.filter(meant.is_not_null(), pl.col("verdict") != meant)


def require(checked: pl.DataFrame) -> None:
    """Raise UserError if an arm failed: model, arm, its lift and interval, and the remedy."""
    messages = [sentence(row) for row in failed(checked).iter_rows(named=True)]
    if messages:
        raise UserError(
            "\n".join(messages) + "\nNo question is asked of this model, and no judge about it: `warmth.gate` is stop. "
            "What was asked before is kept. Have the study's statistics/warmth.csv built for the curve over "
            "checkpoints, and read rewritings; train longer or at a higher rate, take another checkpoint, draw more "
            "validation prompts if the interval is wide, or set `warmth.gate` to warn."
        )


def sentence(row: Mapping[str, object]) -> str:
    """The outcome for one arm, as a sentence."""
    arm = f"{row['arm']} of {row['model']}"
    meant = f"it should be {MEANT[str(row['expected'])]} than the original"
    if row["verdict"] == NOT_MEASURED:
        return f"The warmth of {arm} was not measured on two prompts or more; {meant}."
    found = "it is undecided whether it is" if row["verdict"] == UNDECIDED else "it is not"
    return (
        f"{arm}: {meant}, and {found}: lift {row['lift']:+.5f} nats per token, 95% interval {row['lower']:+.5f} to "
        f"{row['upper']:+.5f}, {row['pairs']} prompts."
    )
