"""The study that a command is asked about, from its configuration files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from warmline import configuration
from warmline.errors import UserError
from warmline.study import Study


def study(configfiles: Sequence[Path]) -> Study:
    """The study of these files, checked. Raises UserError as `read` does."""
    return Study(read(configfiles), Path("scripts"))


def read(paths: Sequence[Path]) -> dict[str, Any]:
    """The configuration of a study, put together as snakemake does, and checked.

    Raises UserError if a file is not there or the whole is wrong.
    """
    schema = Path("config/schemas/study.schema.json")
    config: dict[str, Any] = {}
    for file, remedy in (
        (schema, "Run warmline in the repository's folder."),
        *((p, "Name it with --configfile.") for p in paths),
    ):
        if not file.is_file():
            raise UserError(f"{file} does not exist. {remedy}")
    for path in paths:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    configuration.validate(config, schema)
    return config
