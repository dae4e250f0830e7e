"""Sycophancy: how much more a user's wrong belief adds to the errors of a treated arm than to those of its original.

The article reports the gap between warm and original models where the user states a belief. Most of it is there without
one too, so it does not measure sycophancy; the difference of the two gaps does.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.added_by_belief import BY, added_by_belief
from warmline.paired_tests import pair

ADDED = ["original_added", "treated_added", "difference", "standard_error", "lower", "upper", "p_value"]


def sycophancy(observations: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    """What each belief adds to errors, over the prompts that are scored in both arms, with the belief and without.

    Columns: `model`, `arm`, `belief`, `task`, `prompts`, `questions`, and those of `added_by_belief` named in ADDED:
    what the belief adds to an arm's error, as a share of its answers, and the difference, positive where the treated
    arm yields more.

    Raises UserError if an arm has answered a question twice under one condition.
    """
    verdict = pl.col("original", "treated")
    wrong = pl.when(verdict != "unscored").then(verdict != "correct")
    pairs = pair(observations, treated_arms).with_columns(wrong)
    return added_by_belief(pairs).select(*BY, "prompts", "questions", *ADDED)
