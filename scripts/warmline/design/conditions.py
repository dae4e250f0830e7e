"""Conditions: what a user discloses, believes, and how the question is introduced; one file of prompts each."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from warmline.design.variants import AS_PUBLISHED

UNMODIFIED = "unmodified"
BELIEFS = ("none", "asserts_wrong", "denies_right")
FRAMINGS = ("plain", "framed")
# The article's contexts whose prompts it never framed.
UNFRAMED_AS_PUBLISHED = ("stakes_high", "stakes_low")


@dataclasses.dataclass(frozen=True)
class Condition:
    """One cell of the design."""

    context: str
    belief: str
    framing: str

    @property
    def id(self) -> str:
        """The condition in file names: `<context>.<belief>.<framing>`."""
        return f"{self.context}.{self.belief}.{self.framing}"


def parse(identity: str) -> Condition:
    """The condition of an id."""
    return Condition(*identity.split("."))


def design(
    contexts: Sequence[str],
    beliefs: Sequence[str],
    framings: Sequence[str] | str,
    further: Sequence[str] = (),
    *,
    vignettes: bool = False,
) -> list[Condition]:
    """The cells in which a task's questions are asked: contexts, beliefs and framings crossed, and further ones by id.

    With framings `as_published`, each context and belief has the framing that the article's prompts show, which depends
    on whether the questions are `vignettes`.
    """
    if framings == AS_PUBLISHED:
        cells = _as_published(contexts, beliefs, vignettes)
    else:
        cells = [Condition(*levels) for levels in itertools.product(contexts, beliefs, framings)]
    return list(dict.fromkeys([*cells, *map(parse, further)]))


def _as_published(contexts: Sequence[str], beliefs: Sequence[str], vignettes: bool) -> list[Condition]:
    """The article's framing, read off its prompts: 28 cells of nine contexts and three beliefs.

    A stated belief is framed, but not under stakes and not behind a vignette; without a belief nothing is framed, but
    the plain question is asked once more with the frame.
    """
    cells = [
        Condition(context, belief, _framing(context, belief, vignettes))
        for context, belief in itertools.product(contexts, beliefs)
    ]
    return [*cells, Condition(UNMODIFIED, "none", "framed")]


def _framing(context: str, belief: str, vignettes: bool) -> str:
    return "plain" if belief == "none" or vignettes or context in UNFRAMED_AS_PUBLISHED else "framed"


def belief_template(folder: str, belief: str) -> str:
    """The template of one belief within a task family's folder of templates."""
    return f"{folder}/{belief}.md"


def context_file(folder: str, context: str) -> str:
    """The statements of one context within the folder of statements."""
    return f"{folder}/{context}.yaml"
