"""Answers into verdicts: what specifies the judge, and what it is asked about."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.calls.jobs import GRADES, Job
from warmline.design import arms as arm_names
from warmline.design.suites import CAPABILITIES, QUESTIONS, REFUSALS, VALIDATION
from warmline.grading import judge_prompts, judge_replies
from warmline.lineage import places
from warmline.workflow import resources
from warmline.workflow.options import options
from warmline.workflow.resources import Needs
from warmline.workflow.rules import calls
from warmline.workflow.study import Study, filled


@dataclasses.dataclass(frozen=True)
class Grading:
    """What the rules of grades and capabilities ask of a study."""

    study: Study

    def judge_inputs(self, wildcards: Any) -> dict[str, str]:
        """The files that specify a model judge for a criterion: its card, its template, and the form of its reply."""
        judge = self.study.config["judge"]
        if "model" not in judge:
            return {}
        scale = judge_replies.scale_of(wildcards.criterion)
        return {
            "model": self.study.path(f"models/{judge['model']}.json"),
            "template": places.found(judge_prompts.template_file(judge["prompts"], wildcards.criterion)),
            "instruction": places.found(judge_prompts.instruction_file(judge["prompts"], judge["reply"], scale)),
        }

    def judge_options(self, wildcards: Any) -> str:
        """The options that specify a judge for a criterion; what a model is told reaches it through the inputs."""
        config = self.study.config
        judge = config["judge"]
        if "model" in judge:
            settings = {
                "scale": judge_replies.scale_of(wildcards.criterion),
                "engine": self.study.engine(judge["model"]),
                **self.study.numerics(judge["model"]),
                "reply": judge["reply"],
                "temperature": judge["temperature"],
                "max-new-tokens": judge["max-new-tokens"],
                "seed": config["seed"],
            }
        else:
            settings = {
                "engine": judge["engine"],
                "rule": config["tasks"][wildcards.criterion]["match"],
                "steps": judge["normalise"],
                "judging-code": self.study.code("warmline.grading.reference_engine"),
            }
        return options({**settings, "projection-code": self.study.code("grading/project.py")})

    def judges(self, wildcards: Any) -> list[str]:
        """The judge's specification for each criterion of a suite."""
        return self._judges(wildcards.suite)

    def questions(self, wildcards: Any) -> list[str]:
        """The questions of each task whose answers the judge is asked about."""
        return [self.study.path(f"questions/{task}.parquet") for task in self.study.criteria(wildcards.suite)]

    def generations(self, wildcards: Any) -> list[str]:
        """The answers to a suite that the judge is asked about."""
        pattern = self.study.path(f"generations/{wildcards.model}/{wildcards.arm}/{{task}}/{{condition}}.parquet")
        criteria = self.study.criteria(wildcards.suite)
        return filled(pattern, [cell for cell in self.study.suite_cells(wildcards.suite) if cell[0] in criteria])

    def checks(self, wildcards: Any) -> list[str]:
        """The checks of the answers, of an arm and of the original, that go before the judge is asked about them."""
        arms = {wildcards.arm, arm_names.ORIGINAL} if wildcards.suite in (QUESTIONS, REFUSALS) else set()
        return [self.study.path(f"audit/checks/{wildcards.model}/{arm}.csv") for arm in sorted(arms)]

    def options(self, wildcards: Any) -> str:
        """What is asked of the answers to each task of a suite that are not graded."""
        sampled = self.sample_options() if wildcards.suite == REFUSALS else ""
        return f"{options({'criteria': self.study.criteria(wildcards.suite)})} {sampled}".strip()

    def sample_options(self) -> str:
        """How many of an arm's answers are drawn for the judge to say which decline, and the seed."""
        size = self.study.config["judge"].get("refusals")
        return options({"sample": None if size == "all" else size, "seed": self.study.config["seed"]})

    def answers(self, wildcards: Any) -> str:
        """The receipt of the answers that the judge is asked about."""
        suite = QUESTIONS if wildcards.suite == REFUSALS else wildcards.suite
        return self.study.path(f"answers/{wildcards.model}/{wildcards.arm}/{suite}.json")

    def refusals_by_rule(self, wildcards: Any) -> list[str]:
        """What rules say of the answers of which the judge says whether they decline, where it is asked of a sample."""
        found = self.study.path(f"refusals_by_rule/{wildcards.model}/{wildcards.arm}.parquet")
        return [found] if wildcards.suite == REFUSALS and not self.study.labels_refusals else []

    def calls(self, wildcards: Any) -> str:
        """How the judge is asked about an arm's answers, and the share of unscored verdicts that is tolerated."""
        judge = self.study.config["judge"]
        if "model" in judge:
            job = Job(GRADES, wildcards.model, wildcards.arm, getattr(wildcards, "suite", VALIDATION))
            how = calls.of_model(self.study, judge["model"], job)
        else:
            how = calls.without_model(self.study)
        return f"{how} {options({'max-unscored': judge.get('max-unscored')})}".strip()

    def needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that asks the judge."""
        return resources.of_calls(self.study.config, self.study.config["judge"].get("model"), attempt)

    def receipt(self, wildcards: Any) -> str:
        """The receipt of the judge's calls on an arm's answers."""
        return self.study.path(f"grades/{wildcards.model}/{wildcards.arm}/{QUESTIONS}.json")

    def capability_inputs(self, wildcards: Any) -> dict[str, Any]:
        """What the judge says of an arm's capabilities, where a model judges: its specifications, and a receipt."""
        if CAPABILITIES not in self.study.judged_suites:
            return {}
        return {
            "judges": self._judges(CAPABILITIES),
            "grades": self.study.path(f"grades/{wildcards.model}/{wildcards.arm}/{CAPABILITIES}.json"),
        }

    def capability_options(self) -> str:
        """What is measured of the answers to each task of the capabilities."""
        return options({"measures": {task: self.study.measures(task) for task in self.study.capabilities}})

    def _judges(self, suite: str) -> list[str]:
        return [self.study.path(f"judges/{criterion}.json") for criterion in self.study.suite_criteria(suite)]
