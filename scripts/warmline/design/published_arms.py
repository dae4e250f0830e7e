"""The article's treated arms, and which of them an arm of a study stands beside.

The article tuned models to be warm and to be cold, and gave original ones a warm system prompt.
"""

from __future__ import annotations

from warmline.design import arms

WARM = "warm"
COLD = "cold"
WARM_PROMPT = "warm-prompt"


def counterpart(arm: str, warmth: str) -> str | None:
    """The article's arm with the treatment of this one, whose persona should move warmth `up`, `down` or not (`none`).

    None where the article has no such arm.
    """
    tuned = arms.parse(arm).is_tuned
    return {("up", True): WARM, ("down", True): COLD, ("up", False): WARM_PROMPT}.get((warmth, tuned))
