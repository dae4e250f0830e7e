"""Scripts run as their own programs."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run_script(name: str, *words: object) -> None:
    """Run a script as its own program would, but without importing the libraries again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPTS / name), *map(str, words)])
        runpy.run_path(sys.argv[0], run_name="__main__")


def run_program(name: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, str(SCRIPTS / name), *words]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
