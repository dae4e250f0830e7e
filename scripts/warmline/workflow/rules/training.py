"""Chats into adapters: what decides a training, and how it is carried out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from warmline.workflow import earlier, resources
from warmline.workflow.options import options
from warmline.workflow.resources import Needs
from warmline.workflow.study import STATES, Study

# What says how adapters are trained, and nothing of what comes of it.
EXECUTION = ("save-every", "gradient-checkpointing", "report-to")


@dataclasses.dataclass(frozen=True)
class Training:
    """What the rules of training ask of a study."""

    study: Study

    def options(self, wildcards: Any) -> str:
        """The options that decide what comes of the training of one model into one persona."""
        config = self.study.config
        return options(
            {
                **{name: value for name, value in config["training"].items() if name not in EXECUTION},
                **self.study.numerics(wildcards.model),
                "epochs": self.study.epochs,
                "seed": config["seed"],
                "label": f"{wildcards.model} {wildcards.persona}",
            }
        )

    def execution(self, wildcards: Any) -> str:
        """The options that say how a training is carried out."""
        training = self.study.config["training"]
        return options(
            {
                "states": STATES,
                "code": earlier.state(self.study.code_digests.of("training/train.py").digest),
                "save-every": training.get("save-every", 50),
                "gradient-checkpointing": [] if training.get("gradient-checkpointing") else None,
                "report-to": training.get("report-to") or None,
                "spread": [] if self.study.config["models"][wildcards.model].get("spread") else None,
            }
        )

    def needs(self, wildcards: Any, attempt: int) -> Needs:
        """What a job needs that tunes a model."""
        return resources.of_weights(self.study.config, wildcards.model, attempt)

    def tuning_options(self, wildcards: Any) -> str:
        """The options of the tuning of one model into one persona at the model's endpoint."""
        tuning = self.study.config["models"][wildcards.model]["tuning"]
        multiplier = tuning["learning-rate-multiplier"]
        return options(
            {
                "epochs": self.study.model_epochs(wildcards.model),
                "batch-size": tuning["batch-size"],
                "learning-rate-multiplier": multiplier[wildcards.persona]
                if isinstance(multiplier, Mapping)
                else multiplier,
                "seed": self.study.config["seed"],
                "label": f"{wildcards.model} {wildcards.persona}",
            }
        )

    def tuning_calls(self, wildcards: Any) -> str:
        """How a model's endpoint is asked to tune it."""
        settings = self.study.config["models"][wildcards.model]
        return options(
            {
                "ledger": self.study.ledger,
                "calls": self.study.config["calls"],
                "endpoint": self.study.config["endpoints"][settings["endpoint"]],
                "suffix": settings["tuning"].get("suffix"),
            }
        )
