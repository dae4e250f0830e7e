"""How models are called, for every stage that calls one, and what the calls cost. None of it decides an answer."""

from __future__ import annotations

import dataclasses

from warmline.calls.jobs import ANSWERS, Job
from warmline.workflow.options import options
from warmline.workflow.study import Study


def of_model(study: Study, model: str, job: Job) -> str:
    """The options that say how calls to a model are carried out in a job."""
    config = study.config
    settings = config["models"][model]
    endpoint = config.get("endpoints", {}).get(settings["endpoint"]) if "endpoint" in settings else None
    if endpoint and "context-length" in settings:
        endpoint = {**endpoint, "context-length": settings["context-length"]}
    prices = settings.get("prices")
    return options(
        {
            "ledger": study.ledger,
            "calls": config["calls"],
            "label": job.label,
            "batch-size": settings.get("batch-size"),
            "spread": [] if settings.get("spread") else None,
            "serve": settings.get("serve"),
            "endpoint": endpoint,
            # What is measured is how arms answer; a rewriter and a judge are checked by what they write.
            "probe": [] if job.role == ANSWERS and study.engine(model) == "openai" else None,
            "known": settings.get("known"),
            "prices": [prices["prompt"], prices["completion"]] if prices else None,
            "budget": config.get("budget"),
            "spending": study.path("audit/spending") if prices else None,
            "shutdown-horizon-days": config.get("shutdown-horizon-days") if endpoint else None,
        }
    )


def without_model(study: Study) -> str:
    """The options of a judge that is no model."""
    return options({"ledger": study.ledger, "calls": study.config["calls"]})


@dataclasses.dataclass(frozen=True)
class Calls:
    """What the rule of costs asks of a study."""

    study: Study

    def ledger(self) -> str:
        """The option of the folder where calls are kept. Where they are decides nothing, so it is a resource."""
        return options({"ledger": self.study.ledger})

    def cost_options(self) -> str:
        """The options of the table of costs."""
        config = self.study.config
        prices = {model: values["prices"] for model, values in config["models"].items() if "prices" in values}
        return options(
            {
                "rewriter": config["rewriting"]["model"],
                "judge": config["judge"].get("model") or config["judge"]["engine"],
                "prices": prices or None,
                "spending": self.study.path("audit/spending"),
            }
        )
