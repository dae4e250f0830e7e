"""Replies into personas: their templates, and how the rewriter is asked."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.calls.jobs import REWRITING, Job
from warmline.lineage import places
from warmline.workflow import resources
from warmline.workflow.options import options
from warmline.workflow.resources import Needs
from warmline.workflow.rules import calls
from warmline.workflow.study import Study


@dataclasses.dataclass(frozen=True)
class Rewriting:
    """What the rules of rewriting ask of a study."""

    study: Study

    def inputs(self, wildcards: Any) -> dict[str, str]:
        """The template that rewrites replies into a persona's style, and the rewritings it starts from, if any."""
        persona = self.study.config["personas"][wildcards.persona]
        basis = {"basis": self.study.path(f"rewrites/{persona['from']}.parquet")} if "from" in persona else {}
        return {"template": places.found(persona["rewrite"]), **basis}

    def options(self) -> str:
        """The options that decide how replies are rewritten."""
        rewriting = self.study.config["rewriting"]
        return options(
            {
                "engine": self.study.engine(rewriting["model"]),
                **self.study.numerics(rewriting["model"]),
                "temperature": rewriting["temperature"],
                "max-new-tokens": rewriting["max-new-tokens"],
                "attempts": rewriting["attempts"],
                "length-ratio": rewriting["checks"]["length-ratio"],
                "exclude": sorted(rewriting["checks"]["exclude"]),
                "seed": self.study.config["seed"],
            }
        )

    def calls(self, wildcards: Any) -> str:
        """How the rewriter is asked for rewritings into a persona."""
        model = self.study.config["rewriting"]["model"]
        return calls.of_model(self.study, model, Job(REWRITING, None, wildcards.persona))

    def needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that has replies rewritten."""
        return resources.of_calls(self.study.config, self.study.config["rewriting"]["model"], attempt)
