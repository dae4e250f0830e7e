"""Arms and what they are asked: who answers, by which files, and how."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.calls.jobs import ANSWERS, Job
from warmline.design import arms
from warmline.design.suites import CAPABILITIES, QUESTIONS, VALIDATION
from warmline.lineage import places
from warmline.workflow import resources
from warmline.workflow.options import options
from warmline.workflow.resources import Needs
from warmline.workflow.rules import calls
from warmline.workflow.study import Study


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the rules of arms and answers ask of a study."""

    study: Study

    def arm_inputs(self, wildcards: Any) -> dict[str, str]:
        """The files that an arm is resolved from: weights, and adapter or system prompt if it has one."""
        name = arms.parse(wildcards.arm)
        adapters = self.study.path(f"adapters/{wildcards.model}/{name.persona}")
        inputs = {"base": self.study.path(f"models/{wildcards.model}.json")}
        if name.by_rule:
            inputs["choice"] = f"{adapters}/{arms.PLATEAU}.json"
        elif name.checkpoint is not None:
            inputs["adapter"] = f"{adapters}/epoch-{name.checkpoint:g}.json"
        elif name.persona is not None:
            inputs["system"] = places.found(self.study.config["personas"][name.persona]["system"])
        return inputs

    def arm_options(self, wildcards: Any) -> str:
        """The options that resolve an arm as it answers a suite."""
        name = arms.parse(wildcards.arm)
        return options(
            {
                "model": wildcards.model,
                "arm": wildcards.arm,
                "persona": name.persona,
                "checkpoint": name.checkpoint,
                "engine": self.study.engine(wildcards.model),
                **self.study.numerics(wildcards.model),
                "sampling": {wildcards.suite: self.study.sampling()[wildcards.suite]},
                "projection-code": self.study.code("answers/project.py"),
            }
        )

    def prompts(self, wildcards: Any) -> list[str]:
        """The prompts of every condition of a suite."""
        return self.study.suite_files(wildcards.suite, self.study.path("prompts/{task}/{condition}.parquet"))

    def gate(self, wildcards: Any) -> list[str]:
        """What an arm's questions wait for, if a failed manipulation check is to stop the study."""
        gate = self.study.path(f"audit/gates/{wildcards.model}.csv")
        return [gate] if gate in self.study.gates and wildcards.suite != VALIDATION else []

    def calls(self, wildcards: Any) -> str:
        """How an arm is asked the prompts of a suite."""
        return calls.of_model(
            self.study, wildcards.model, Job(ANSWERS, wildcards.model, wildcards.arm, wildcards.suite)
        )

    def needs(self, wildcards: Any, attempt: int) -> Needs:
        """What a job needs that asks an arm."""
        return resources.of_calls(self.study.config, wildcards.model, attempt)

    def card(self, wildcards: Any) -> str:
        """The card of an arm as it answers a task."""
        return self.study.path(f"arms/{wildcards.model}/{wildcards.arm}/{self._suite_of(wildcards.task)}.json")

    def receipt(self, wildcards: Any) -> str:
        """The receipt of the calls that a task's answers came from."""
        suite = self._suite_of(wildcards.task)
        return self.study.path(f"answers/{wildcards.model}/{wildcards.arm}/{suite}.json")

    def check_options(self) -> str:
        """The shares of faulty answers that are tolerated, where the configuration sets them."""
        return options(self.study.config.get("checks", {}))

    def _suite_of(self, task: str) -> str:
        if task in self.study.capabilities:
            return CAPABILITIES
        return VALIDATION if task == VALIDATION else QUESTIONS
