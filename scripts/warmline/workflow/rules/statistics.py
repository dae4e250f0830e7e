"""Observations, rates, tests and models of error: what the configuration says of each."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.workflow.options import options
from warmline.workflow.study import Study


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What the rules of observations, statistics, regressions and published numbers ask of a study."""

    study: Study

    def observation_options(self) -> str:
        """The options of the observations: the tasks whose answers are short enough to be found in a response."""
        tasks = self.study.config["tasks"].items()
        return options({"short-answers": sorted(task for task, settings in tasks if settings["match"] == "contains")})

    def treated_options(self) -> str:
        """The option that names the arms to compare with the original."""
        return options({"treated-arms": sorted(self.study.treated_arms)})

    def refusal_options(self) -> str:
        """The options of the statistics of refusals."""
        return options({"treated-arms": sorted(self.study.treated_arms), "disinformation": self._disinformation()})

    def regression_options(self, wildcards: Any) -> str:
        """The options of a regression."""
        regression = self.study.config["statistics"]["regressions"][wildcards.regression]
        return options(
            {
                "arm": wildcards.arm,
                "formula": regression["formula"],
                "beliefs": sorted(regression["beliefs"]),
                "contexts": sorted(regression["contexts"]) if "contexts" in regression else None,
                "effects-by": regression.get("effects-by"),
                "task-order": self.study.tasks,
                "model-order": self.study.subjects,
            }
        )

    def robustness_options(self) -> str:
        """The options of the estimates in other ways."""
        statistics = self.study.config["statistics"]
        regressions = {}
        for name in statistics["robustness"]:
            regression = statistics["regressions"][name]
            rows = {key: sorted(regression[key]) for key in ("beliefs", "contexts") if key in regression}
            regressions[name] = {"formula": regression["formula"], **rows}
        return options(
            {
                "treated-arms": self.study.treated_arms,
                "regressions": regressions,
                "disinformation": self._disinformation(),
                "task-order": self.study.tasks,
                "model-order": self.study.subjects,
                "seed": self.study.config["seed"],
            }
        )

    def comparison_options(self) -> str:
        """The options of the comparison of paired tests with the article's: counterparts of models, and of arms."""
        return options({"counterparts": self.study.published, "arms": self.study.published_arms})

    def _disinformation(self) -> list[str]:
        return sorted(task for task, settings in self.study.config["tasks"].items() if settings["layout"] == "mask")
