"""What `warmline plan` prints of a copy of a study."""

from __future__ import annotations

import re
import subprocess
import sys

from study_copy import StudyCopy, environment

Row = dict[str, str]


def plan(copy: StudyCopy, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warmline", "plan", *words]
    path = {"PYTHONPATH": str(copy.folder / "scripts")}
    result = subprocess.run(command, cwd=copy.folder, env=environment() | path, capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stderr
    return result


def rows(printed: str) -> list[Row]:
    """The rows of the printed table, the total last."""
    lines = printed.splitlines()
    columns = [match.span() for match in re.finditer("-+", lines[1])]
    cells = [[line[start:end].strip() for start, end in columns] for line in lines[: lines.index("", 3) + 2]]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:] if any(row)]


def new(table: list[Row], role: str, suite: str = "") -> dict[str, str]:
    """The cell `new` of each arm."""
    return {row["arm"]: row["new"] for row in table if (row["role"], row["suite"]) == (role, suite)}
