"""Did the treatment work: which warmth is compared, and what each persona should do to it."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.design import arms as arm_names
from warmline.workflow import resources
from warmline.workflow.options import options
from warmline.workflow.resources import Needs
from warmline.workflow.study import Study


@dataclasses.dataclass(frozen=True)
class Warmth:
    """What the rules of warmth and of the manipulation check ask of a study."""

    study: Study

    def needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that measures warmth."""
        return resources.of_weights(self.study.config, self.study.config["warmth"]["model"], attempt)

    def of_model(self, wildcards: Any) -> list[str]:
        """The warmth of every arm of a model, the original's among them."""
        return self.study.model_files(wildcards.model, self.study.path("warmth/{model}/{arm}.parquet"))

    def of_checkpoints(self, wildcards: Any) -> list[str]:
        """The warmth of the original and of every checkpoint of a model that is tuned into a persona."""
        epochs = self.study.model_epochs(wildcards.model)
        arms = [arm_names.ORIGINAL, *(arm_names.tuned(wildcards.persona, float(epoch)) for epoch in epochs)]
        return [self.study.path(f"warmth/{wildcards.model}/{arm}.parquet") for arm in arms]

    def checkpoint_cards(self, wildcards: Any) -> list[str]:
        """The cards of a model's checkpoints in the order of `plateau_options`."""
        folder = self.study.path(f"adapters/{wildcards.model}/{wildcards.persona}")
        return [f"{folder}/epoch-{epoch}.json" for epoch in self.study.model_epochs(wildcards.model)]

    def plateau_options(self, wildcards: Any) -> str:
        """The options of the rule that chooses a checkpoint."""
        return options(
            {
                "persona": wildcards.persona,
                "direction": self.study.config["personas"][wildcards.persona]["warmth"],
                "epochs": self.study.model_epochs(wildcards.model),
                "tolerance": self._tolerance(),
            }
        )

    def manipulation_options(self) -> str:
        """The options of the manipulation check: which arms it is about, and what their personas should do."""
        study = self.study
        named = {arm_names.parse(arm).persona for arm in study.treated_arms}
        directions = {name: study.config["personas"][name]["warmth"] for name in study.personas if name in named}
        return options(
            {
                "arms": sorted(study.treated_arms),
                "directions": directions,
                "tolerance": self._tolerance(),
                "seed": study.config["seed"],
            }
        )

    def published_options(self) -> str:
        """The options of the comparison with the article: counterparts, and the personas that should be warm."""
        personas = self.study.config["personas"]
        warm = [persona for persona in self.study.trained_personas if personas[persona]["warmth"] == "up"]
        return options({"counterparts": self.study.published, "personas": sorted(warm) or None})

    def _tolerance(self) -> float:
        tolerance: float = self.study.config["warmth"].get("plateau", 0.05)
        return tolerance
