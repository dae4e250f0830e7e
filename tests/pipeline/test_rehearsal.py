"""The rehearsal of the study at a hundredth of its size: after every edit, what is planned is what is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY


@pytest.mark.long(600)
def test_a_rehearsal_runs_to_its_end_and_every_plan_is_exact(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(REPOSITORY / "benchmarks/rehearsal.py"),
        "--share",
        "0.01",
        "--folder",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert not result.returncode, result.stderr[-3000:]
    edited = [line.split("  ") for line in result.stdout.splitlines() if line.startswith("one ") and "  " in line]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in edited]
    assert len(rows) == 4
    for name, planned, calls, asked, *_ in rows:
        assert planned == calls == asked != "0", name
    assert "config/paper.yaml, nothing there" in result.stdout
