"""A study as the rules see it: one member for each stage, and the files that every job leaves beside its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warmline.design.suites import CAPABILITIES, QUESTIONS, REFUSALS, VALIDATION
from warmline.lineage import places
from warmline.workflow.rules.answers import Answers
from warmline.workflow.rules.calls import Calls
from warmline.workflow.rules.conversations import Conversations
from warmline.workflow.rules.grading import Grading
from warmline.workflow.rules.prompts import Prompts
from warmline.workflow.rules.rewriting import Rewriting
from warmline.workflow.rules.sources import Sources
from warmline.workflow.rules.statistics import Statistics
from warmline.workflow.rules.training import Training
from warmline.workflow.rules.warmth import Warmth
from warmline.workflow.study import Study, any_of


class StudyRules(Study):
    """A study whose members answer a rule by a job's wildcards: its inputs, options, calls and needs."""

    def __init__(self, config: Mapping[str, Any], scripts: Path) -> None:
        super().__init__(config, scripts)
        self.sources = Sources(self)
        self.conversations = Conversations(self)
        self.rewriting = Rewriting(self)
        self.training = Training(self)
        self.prompts = Prompts(self)
        self.answers = Answers(self)
        self.grading = Grading(self)
        self.warmth = Warmth(self)
        self.statistics = Statistics(self)
        self.calls = Calls(self)

    def constraints(self) -> dict[str, str]:
        """A regular expression for each wildcard, of the names that the configuration has for it."""
        return {
            "model": any_of(self.config["models"]),
            "persona": any_of(self.personas),
            "arm": any_of(self.warmth_arms),
            "task": any_of([*self.tasks, *self.capabilities]),
            "criterion": any_of(self.specified_criteria),
            "suite": any_of([QUESTIONS, VALIDATION, CAPABILITIES, REFUSALS]),
            "regression": any_of(self.regressions),
            "figure": any_of(self.config["figures"]),
        }

    def caption(self, path: str) -> str:
        """A caption of Snakemake's report, which looks for a path that is not absolute beside the rules."""
        return str(Path(places.found(path)).absolute())

    def logs(self, rule: str, *wildcards: str) -> dict[str, str]:
        """The patterns of what a rule's jobs print, and of the names of their records (lineage rule 9).

        Snakemake removes logs before a job begins, so a record's file has another name (warmline.lineage.records).
        """
        return {
            "text": f"{self.folder}/logs/{rule}/{_labels(wildcards)}.txt",
            "record": f"{self.folder}/audit/jobs/{rule}/{_labels(wildcards)}",
        }


def _labels(wildcards: Sequence[str]) -> str:
    return ",".join(f"{name}={{{name}}}" for name in wildcards) or "study"
