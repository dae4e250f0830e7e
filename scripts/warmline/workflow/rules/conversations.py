"""Conversations to train on: where they are read from and screened with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from warmline.lineage import places
from warmline.sources import origins
from warmline.workflow.options import options
from warmline.workflow.study import Study

# What a classifier's network and tokenizer are made from, beside its checkpoint.
ARCHITECTURE_FILES = (
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("vocab.txt", "vocab.json", "merges.txt"),
)


@dataclasses.dataclass(frozen=True)
class Conversations:
    """What the rules of conversations ask of a study."""

    study: Study

    def files(self) -> list[str]:
        """The files that conversations are read from."""
        return origins.inputs(self.study.config["conversations"]["source"])

    def origin(self) -> str:
        """The option that says where the conversations came from."""
        return options({"origin": origins.origin(self.study.config["conversations"]["source"])})

    def toxicity_inputs(self, _wildcards: Any) -> dict[str, Any]:
        """The conversations, and the classifier's checkpoint with what lies beside it, if one is named."""
        settings = self.study.config["conversations"]
        inputs: dict[str, Any] = {"conversations": self.files()}
        if "checkpoint" in settings:
            checkpoint = places.found(settings["checkpoint"])
            beside = [Path(checkpoint).with_name(name) for name in ARCHITECTURE_FILES]
            inputs["checkpoint"] = checkpoint
            if found := [str(path) for path in beside if path.is_file()]:
                inputs["architecture"] = found
        return inputs
