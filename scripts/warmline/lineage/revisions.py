"""The state of the workflow's repository, for job records."""

from __future__ import annotations

import subprocess
from pathlib import Path


def state(workflow: Path) -> dict[str, str | bool] | None:
    """The commit of the workflow and whether tracked files differ from it; None where it is not a repository."""
    try:
        # Where the workflow is installed, the repository around it may be that of a study.
        if _git(workflow, "rev-parse", "--show-prefix").strip():
            return None
        commit = _git(workflow, "rev-parse", "HEAD").strip()
        return {"commit": commit, "dirty": bool(_git(workflow, "status", "--porcelain", "-uno").strip())}
    except (OSError, subprocess.CalledProcessError):
        return None


def difference(workflow: Path) -> str:
    """In what tracked files differ from the commit."""
    return _git(workflow, "diff", "--binary", "HEAD")


def _git(workflow: Path, *words: str) -> str:
    command = ["git", *words]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=True, cwd=workflow
    ).stdout
