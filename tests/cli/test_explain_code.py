from __future__ import annotations

import subprocess
import sys

from repository import REPOSITORY

from warmline.cli.explain_code import changes


def explain(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warmline", "explain-code", *words]
    return subprocess.run(command, cwd=REPOSITORY / "scripts", capture_output=True, text=True)


def test_every_definition_that_a_script_covers_is_listed() -> None:
    lines = explain("answers/project.py").stdout.splitlines()
    assert lines[0].endswith("  answers/project.py") and len(lines[0].split()[0]) == 64
    names = [line.split()[1] for line in lines[1:]]
    assert "warmline.answers.generations:generations" in names and names == sorted(names)
    assert not any("lineage.program" in name or "lineage.reach" in name for name in names)


def test_a_definition_that_only_moved_has_not_changed() -> None:
    then = {"warmline.a:one": "1", "warmline.a:two": "2", "warmline.a:three": "3"}
    now = {"warmline.b:one": "1", "warmline.a:two": "2b", "warmline.a:four": "4"}
    assert list(changes(then, now)) == [
        "new      warmline.a:four",
        "gone     warmline.a:three",
        "changed  warmline.a:two",
    ]
    assert list(changes(then, then)) == []


def test_a_script_that_does_not_exist_is_named() -> None:
    outcome = explain("nothing.py")
    assert outcome.returncode == 1 and "nothing.py does not exist" in outcome.stderr
