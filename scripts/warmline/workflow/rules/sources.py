"""What is fetched: data sets of the hub and the weights of models."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from warmline.calls import parameters
from warmline.models import cards
from warmline.sources import origins
from warmline.workflow.options import options
from warmline.workflow.study import WEIGHTS, Study, any_of

# YAML reads the words off and on as these.
SWITCH = {False: "off", True: "on"}


@dataclasses.dataclass(frozen=True)
class Sources:
    """What the rules of sources and models ask of a study."""

    study: Study

    @property
    def fetched(self) -> str:
        """The pattern of where a file of the hub is put."""
        return f"{origins.STORE}/{{repository}}/{{revision}}/{{file}}"

    def fetched_names(self) -> str:
        """A regular expression of the files of the hub that the study reads."""
        return any_of([file.stored for file in self._hub_files()])

    def fetched_files(self) -> list[str]:
        """The files of the hub that the study reads, where they are put."""
        return [file.path for file in self._hub_files()]

    def options(self, wildcards: Any) -> str:
        """The options that fetch a file from the hub."""
        path = self.fetched.format(**dict(wildcards.items()))
        file = next(file for file in self._hub_files() if file.path == path)
        return options(dataclasses.asdict(file))

    def model_options(self, wildcards: Any) -> str:
        """The options that fetch a model's weights, or name a model that an endpoint has."""
        settings = self.study.config["models"][wildcards.model]
        form = {"thinking": SWITCH.get(settings.get("thinking")), "system": settings.get("system")}
        if "endpoint" in settings:
            endpoint = self.study.config["endpoints"][settings["endpoint"]]
            deciding = parameters.deciding(endpoint.get("parameters", {})) or None
            named = {"name": settings["name"], "parameters": deciding, "identity": endpoint.get("identity")}
            return options({**named, **form})
        return options({"source": settings["source"], "store": WEIGHTS, **form})

    def weights(self, wildcards: Any) -> list[str]:
        """The files of a model's own folder: one more or less is another model."""
        source = self.study.config["models"][wildcards.model].get("source", {})
        return list(map(str, cards.identifying(Path(source["folder"])))) if "folder" in source else []

    def _hub_files(self) -> list[origins.HubFile]:
        """The files of the hub that the study reads, those with a SHA-256 first."""
        found = [file for source in origins.configured(self.study.config) for file in origins.hub_files(source)]
        return sorted(found, key=lambda file: file.sha256 is None)
