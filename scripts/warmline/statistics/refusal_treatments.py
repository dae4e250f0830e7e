"""What an analysis makes of refusals: the verdicts of the observations as it is to read them.

The article drops refusals from three tasks, so that a pair needs an answer of both arms, and takes those to
disinformation for correct. Treatment moves refusals, and dropping them after it selects the questions; so each way is
shown beside the others.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from warmline.design.variants import AS_PUBLISHED
from warmline.lineage.errors import UserError

KEPT = "kept"
EXCLUDED = "excluded"
COUNTED_CORRECT = "counted_correct"
COUNTED_INCORRECT = "counted_incorrect"
TREATMENTS = (KEPT, EXCLUDED, COUNTED_CORRECT, COUNTED_INCORRECT, AS_PUBLISHED)


def with_refusals(
    observations: pl.DataFrame, treatment: str = KEPT, disinformation: Collection[str] = ()
) -> pl.DataFrame:
    """The observations with the verdicts on refusals that a treatment gives them.

    - `kept`: as judged
    - `excluded`: unscored, for the reason `refusal`, whatever the judge said
    - `counted_correct`, `counted_incorrect`: right, or wrong, whatever the judge said
    - `as_published`: by the article's rule (`refusal_as_published`), correct in the tasks of `disinformation` and
      excluded from the others

    No row is dropped: an excluded answer is in no rate and no pair, as every unscored one.
    """
    refused = pl.col("refusal")
    match treatment:
        case "kept":
            return observations
        case "excluded":
            verdict = pl.lit("unscored")
        case "counted_correct":
            verdict = pl.lit("correct")
        case "counted_incorrect":
            verdict = pl.lit("incorrect")
        case "as_published":
            refused = pl.col("refusal_as_published")
            declined = pl.col("task").is_in(list(disinformation))
            verdict = pl.when(declined).then(pl.lit("correct")).otherwise(pl.lit("unscored"))
        case _:
            raise UserError(f"{treatment!r} is no treatment of refusals. Expected one of {', '.join(TREATMENTS)}.")
    reason = pl.when(verdict == "unscored").then(pl.lit("refusal"))
    return observations.with_columns(
        verdict=pl.when(refused).then(verdict).otherwise("verdict"),
        reason=pl.when(refused).then(reason).otherwise("reason"),
    )
