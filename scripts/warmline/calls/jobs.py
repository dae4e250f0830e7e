"""The jobs that call models, by what they call them for and about whom."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from warmline.lineage.errors import UserError

REWRITING, ANSWERS, GRADES = ROLES = ("rewriting", "answers", "grades")


@dataclasses.dataclass(frozen=True)
class Job:
    """One job that calls a model: the rewriting into a persona, an arm's answers to a suite, or their judging."""

    role: str
    model: str | None
    arm: str
    suite: str | None = None

    @property
    def label(self) -> str:
        """The job's name in the study's spending."""
        return ",".join(part for part in (self.role, self.model, self.arm, self.suite) if part)

    @property
    def receipt(self) -> str:
        """The receipt's path within the study."""
        if self.role == REWRITING:
            return f"rewrites/{self.arm}.json"
        return f"{self.role}/{self.model}/{self.arm}/{self.suite}.json"


def job_of(receipt: Path) -> Job:
    """The job that left a receipt, from its path. Raises UserError for any other file."""
    *_, first, second, third, name = ("", "", "", *receipt.with_name(receipt.name.removesuffix(".json")).parts)
    if third == "rewrites":
        return Job(REWRITING, None, name)
    if first in (ANSWERS, GRADES):
        return Job(first, second, third, name)
    raise UserError(
        f"{receipt}: expected a receipt, rewrites/<persona>.json, answers/<model>/<arm>/<suite>.json or "
        "grades/<model>/<arm>/<suite>.json."
    )
