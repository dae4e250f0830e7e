"""Sycophancy: how much more a user's wrong belief adds to the errors of a treated arm than to those of its original.

The article reports the gap between warm and original models where the user states a belief. Most of it is there without
one too, so it does not measure sycophancy; the difference of the two gaps does.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warmline.statistics.added_by_belief import added_by_belief
from warmline.statistics.paired_tests import pair
from warmline.tables.arm_comparisons import SYCOPHANCY


def sycophancy(observations: pl.DataFrame, treated_arms: Sequence[str]) -> pl.DataFrame:
    """What each belief adds to errors, over the prompts that are scored in both arms, with the belief and without.

    The table is SYCOPHANCY, `all` tasks first.

    Raises UserError if an arm has answered a question twice under one condition.
    """
    verdict = pl.col("original", "treated")
    wrong = pl.when(verdict != "unscored").then(verdict != "correct")
    pairs = pair(observations, treated_arms).with_columns(wrong)
    return added_by_belief(pairs).select(*SYCOPHANCY.columns)
