"""Names of arms: `original`, `<persona>@<epoch>` for a tuned model, `<persona>-prompt` for a system prompt.

`<persona>@plateau` is the tuned model at the epoch that a rule on warmth chooses (warmline.warmth.manipulation_check).
"""

from __future__ import annotations

import dataclasses
import re

from warmline.lineage.errors import UserError

ORIGINAL = "original"
PLATEAU = "plateau"
# No persona's id ends in -prompt: an arm's name could be read in two ways.
_TUNED = re.compile(r"(?P<persona>[a-z][a-z0-9_-]*)(?<!-prompt)@(?P<epoch>\d+(\.\d+)?)")
_BY_RULE = re.compile(rf"(?P<persona>[a-z][a-z0-9_-]*)(?<!-prompt)@{PLATEAU}")
_PROMPTED = re.compile(r"(?P<persona>[a-z][a-z0-9_-]*)-prompt")


@dataclasses.dataclass(frozen=True)
class ArmName:
    """What a name says: the persona, and the epochs of training if the arm is tuned, or that a rule chooses them."""

    persona: str | None
    checkpoint: float | None
    by_rule: bool = False

    @property
    def is_tuned(self) -> bool:
        return self.checkpoint is not None or self.by_rule


def tuned(persona: str, epoch: float) -> str:
    """The name of a tuned arm: `warm@2`, `warm@0.5`."""
    return f"{persona}@{epoch:g}"


def parse(name: str) -> ArmName:
    """The parts of an arm's name. Raises UserError for a name of no known form."""
    if name == ORIGINAL:
        return ArmName(None, None)
    if match := _TUNED.fullmatch(name):
        epoch = float(match["epoch"])
        if name != tuned(match["persona"], epoch):
            raise UserError(f"configuration, arms: write {name} as {tuned(match['persona'], epoch)}.")
        return ArmName(match["persona"], epoch)
    if match := _BY_RULE.fullmatch(name):
        return ArmName(match["persona"], None, by_rule=True)
    if match := _PROMPTED.fullmatch(name):
        return ArmName(match["persona"], None)
    raise UserError(
        f"configuration, arms: {name} is no arm. Expected original, <persona>@<epoch>, <persona>@{PLATEAU} or "
        "<persona>-prompt."
    )
