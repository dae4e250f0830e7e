"""The rehearsal of the study at a hundredth of its size: after every edit, what is planned is what is asked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY


def number(written: str) -> int:
    return int(written.replace(",", ""))


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
    rows = [re.split(" {2,}", line) for line in result.stdout.splitlines() if line.startswith("one ") and "  " in line]
    assert len(rows) == 4
    for name, planned_answers, answers, planned_verdicts, verdicts, *_ in rows:
        assert planned_answers == answers, name
        exact = planned_verdicts.removeprefix("at most ")
        assert number(exact) >= number(verdicts) > 0 and (exact != planned_verdicts or exact == verdicts), name
    assert "config/paper.yaml, nothing there" in result.stdout
