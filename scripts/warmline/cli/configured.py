"""The study that a command is asked about, from its configuration files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.workflow import configuration
from warmline.workflow.study import Study


def study(configfiles: Sequence[Path] | None) -> Study:
    """The study of these files, checked. Raises UserError as `read` does."""
    return Study(read(configfiles), places.SCRIPTS)


def read(paths: Sequence[Path] | None) -> dict[str, Any]:
    """The configuration of a study, put together as snakemake does, and checked; by default that of its folder.

    Raises UserError if a file is not there or the whole is wrong.
    """
    places.link()
    if not paths:
        paths = [Path("config.yaml") if Path("config.yaml").is_file() else Path(places.found("config/config.yaml"))]
    config: dict[str, Any] = {}
    for path in paths:
        require(path)
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    configuration.validate(config, places.SCHEMA)
    return config


def require(path: Path) -> None:
    """Raise UserError if a configuration file is not there."""
    if not path.is_file():
        raise UserError(f"{path} does not exist. Name it with --configfile.")
