"""The study that a command is asked about, from its configuration files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.workflow import configuration
from warmline.workflow.study import Study

STUDY = ("config.yaml", "config/config.yaml", "Snakefile")
"""The files of which a study's folder has one at least."""


def study(configfiles: Sequence[Path] | None) -> Study:
    """The study of these files, checked. Raises UserError as `read` does."""
    return Study(read(configfiles), places.SCRIPTS)


def read(paths: Sequence[Path] | None) -> dict[str, Any]:
    """The configuration of a study, put together as snakemake does, and checked; by default that of its folder.

    Raises UserError if a file is not there, no study is here, or the whole is wrong.
    """
    require_study(paths)
    places.link()
    if not paths:
        paths = [Path("config.yaml") if Path("config.yaml").is_file() else Path(places.found("config/config.yaml"))]
    config: dict[str, Any] = {}
    for path in paths:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    configuration.validate(config, places.SCHEMA)
    return config


def require_study(paths: Sequence[Path] | None) -> None:
    """Raise UserError if a configuration file is not there, or none is named and the folder is not a study's."""
    for path in paths or []:
        if not path.is_file():
            raise UserError(f"{path} does not exist. Name it with --configfile.")
    if not paths and not any(map(os.path.isfile, STUDY)):
        raise UserError(
            f"{Path.cwd()} holds no study: no {', '.join(STUDY[:-1])} or {STUDY[-1]}. Go to a study's folder, name its "
            "configuration with --configfile, or write a new one: warmline new FOLDER"
        )
