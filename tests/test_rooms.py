"""The arrows between the rooms of the library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from repository import REPOSITORY


def test_a_room_imports_only_rooms_below_it() -> None:
    """The order of the rooms is the contract in pyproject.toml, and a room that it does not name breaks it."""
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
