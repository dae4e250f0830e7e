"""The two places of a study: its own folder, where Snakemake runs, and the folder of the workflow's files.

A study's folder holds only what it changes: words, published tables, lists of markers and the demo's data are the
workflow's unless the study's folder has a file of the same path. The workflow's files are reached through a link in the
study's folder, so that its place stands in nothing that Snakemake compares: a moved checkout, or another one, makes
nothing stale.
"""

from __future__ import annotations

import os
from pathlib import Path

from warmline.lineage import complete_files
from warmline.lineage.errors import UserError

# The same in a checkout and in an installed wheel, whose warmline.pth leads to scripts/ (pyproject.toml).
WORKFLOW = next(folder for folder in Path(__file__).resolve().parents if folder.name == "scripts").parent
SNAKEFILE = WORKFLOW / "Snakefile"
SCRIPTS = WORKFLOW / "scripts"
SCHEMA = WORKFLOW / "config/schemas/study.schema.json"

LINK = ".snakemake/workflow"
"""The link to WORKFLOW in a study's folder."""


def link() -> None:
    """Make sure that LINK in the working directory leads to WORKFLOW."""
    path = Path(LINK)
    if not (path.is_symlink() and path.readlink() == WORKFLOW):
        path.parent.mkdir(exist_ok=True)
        with complete_files.replacing(path) as partial:
            partial.symlink_to(WORKFLOW)


def found(path: str) -> str:
    """The file of this path in the study's folder if there is one, else the workflow's.

    Raises UserError, with both places, if neither has it.
    """
    for place in (path, os.path.join(LINK, path)):
        if os.path.isfile(place):
            return place
    folders = " or ".join(map(str, dict.fromkeys([Path.cwd(), WORKFLOW])))
    raise UserError(f"the file {path} does not exist in {folders}. Write it, or correct its path in the configuration.")


def named(path: str | Path) -> str:
    """A found file's path as the configuration names it, wherever the file is."""
    return str(path).removeprefix(f"{LINK}/")
