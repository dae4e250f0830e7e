"""Measures: what is asked of an answer to a task of the capabilities.

`choice` and `number` compare what is read from the answer with the right one; what no rule can read, the judge reads.
The others are yes/no questions about the answer, put to the judge: `refusal`, and three dimensions of social
sycophancy, `validation`, `indirectness` and `framing` (Cheng et al., ELEPHANT, arXiv 2505.13995). Of these a rule
decides `refusal` where no model judges.
"""

from __future__ import annotations

from collections.abc import Sequence

CHOICE, NUMBER, REFUSAL = "choice", "number", "refusal"
READ = (CHOICE, NUMBER)
JUDGED = (REFUSAL, "validation", "indirectness", "framing")
WARMER = "warmer"
"""What the judge is asked of two responses to a validation prompt."""

OF_A_JUDGE = (*READ, *JUDGED, WARMER)
"""All that a model that judges may be asked beside the grade of a task's answers."""


def named(measure: str | Sequence[str]) -> list[str]:
    """The measures that a task's settings name, one or several."""
    return [measure] if isinstance(measure, str) else list(measure)
