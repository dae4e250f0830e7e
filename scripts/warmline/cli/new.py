"""`warmline new`: a folder with all that a study of its own needs, ready to run."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from pathlib import Path

from warmline.lineage.errors import UserError
from warmline.lineage.places import WORKFLOW

# From where in the workflow each file or folder comes.
CONTENTS = {
    "config.yaml": "config/config.yaml",
    "Snakefile": "config/new/Snakefile",
    "README.md": "config/new/README.md",
    ".gitignore": "config/new/.gitignore",
    "profiles": "profiles",
}


def write_study(arguments: argparse.Namespace) -> None:
    """Write a study's folder. Raises UserError if it holds anything that would be overwritten."""
    folder: Path = arguments.folder
    if taken := [name for name in CONTENTS if (folder / name).exists()]:
        raise UserError(f"{folder} already has {', '.join(taken)}. Name a folder that is empty or does not exist.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{folder}: a file is in its place. Name a folder that is empty or does not exist.") from error
    for name, source in CONTENTS.items():
        if (WORKFLOW / source).is_dir():
            shutil.copytree(WORKFLOW / source, folder / name)
        else:
            shutil.copyfile(WORKFLOW / source, folder / name)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    named = re.sub(r"^study: .*$", f"study: {study_name(folder)}", text, count=1, flags=re.MULTILINE)
    config.write_text(named, encoding="utf-8")
    print(f"Edit {config}, then run it: cd {shlex.quote(str(folder))} && warmline run")


def study_name(folder: Path) -> str:
    """The folder's name as the id of a study: small letters, digits, hyphens and underscores."""
    return re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_") or "study"
