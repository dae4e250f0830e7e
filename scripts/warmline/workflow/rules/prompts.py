"""Questions under conditions: where they are read from, and the words around them."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.design import conditions
from warmline.lineage import places
from warmline.sources import origins
from warmline.workflow.options import options
from warmline.workflow.study import Study


@dataclasses.dataclass(frozen=True)
class Prompts:
    """What the rules of questions and prompts ask of a study."""

    study: Study

    def question_files(self, wildcards: Any) -> list[str]:
        """The files that a task's questions are read from."""
        return origins.inputs(self.study.task_settings(wildcards.task)["source"])

    def question_options(self, wildcards: Any) -> str:
        """The options that sample a task's questions."""
        task = self.study.task_settings(wildcards.task)
        return options(
            {
                "task": wildcards.task,
                "layout": task["layout"],
                "size": task["questions"],
                "conversion": task.get("conversion"),
                "seed": self.study.config["seed"],
                "dataset": task.get("dataset"),
                "quotes": task.get("quotes"),
                "origin": origins.origin(task["source"]),
            }
        )

    def inputs(self, wildcards: Any) -> dict[str, str]:
        """The files that the prompts of a condition are rendered from."""
        config = self.study.config
        condition = conditions.parse(wildcards.condition)
        task = self.study.task_settings(wildcards.task)
        words = {
            "belief": task["template"]
            if wildcards.task in self.study.capabilities
            else conditions.belief_template(task["templates"], condition.belief)
        }
        if condition.context != conditions.UNMODIFIED:
            words["context"] = conditions.context_file(config["statements"], condition.context)
        if condition.framing == "framed":
            words["framing"] = config["framing-sentence"]
        questions = self.study.path(f"questions/{wildcards.task}.parquet")
        return {"questions": questions, **{name: places.found(path) for name, path in words.items()}}

    def options(self, wildcards: Any) -> str:
        """The options that render the prompts of a condition; where nothing is disclosed, no statement is drawn."""
        disclosed = conditions.parse(wildcards.condition).context != conditions.UNMODIFIED
        draw = self.study.config["statement-draw"] if disclosed else None
        return options({"seed": self.study.config["seed"], "draw": draw})
