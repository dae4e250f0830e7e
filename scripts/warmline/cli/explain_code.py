"""`warmline explain-code`: what the code digest of a script covers, and what changed of it between two commits."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from warmline.lineage import reach
from warmline.lineage.errors import UserError
from warmline.lineage.places import SCRIPTS, WORKFLOW
from warmline.lineage.program import Program


def print_reach(arguments: argparse.Namespace) -> None:
    """Print a line for each definition: its digest, module and name; of a change, whether it is new, gone or other."""
    now = _reach(arguments.script, arguments.until)
    if not arguments.since:
        print(f"{now.digest}  {arguments.script}")
        for name, digest in now.definitions().items():
            print(f"{digest[:12]}  {name}")
        return
    then = _reach(arguments.script, arguments.since)
    if then.digest == now.digest:
        print(f"{arguments.script}: the same digest, {now.digest}")
        return
    for line in changes(then.definitions(), now.definitions()):
        print(line)


def _reach(script: str, commit: str | None) -> reach.Reach:
    with scripts_at(commit) as folder:
        if commit and not (folder / script).is_file():
            raise UserError(f"{script} is not in scripts/ at {commit}. Name a commit at which it had this path.")
        return reach.of_script(Program(folder), script)


def changes(then: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """What is new, gone or other among definitions; one that only moved is none of these."""
    gone = {name: digest for name, digest in then.items() if now.get(name) != digest}
    new = {name: digest for name, digest in now.items() if then.get(name) != digest}
    for name in sorted({*gone, *new}):
        if name in gone and name in new:
            yield f"changed  {name}"
        elif name in new and new[name] not in gone.values():
            yield f"new      {name}"
        elif name in gone and gone[name] not in new.values():
            yield f"gone     {name}"


@contextlib.contextmanager
def scripts_at(commit: str | None) -> Iterator[Path]:
    """The folder of scripts as a commit has it; without a commit, as it is."""
    if commit is None:
        yield SCRIPTS
        return
    with tempfile.TemporaryDirectory() as folder:
        with tempfile.TemporaryFile() as archive:
            command = ["git", "archive", commit, "scripts"]
            result = subprocess.run(command, cwd=WORKFLOW, stdout=archive, stderr=subprocess.PIPE, text=True)
            if result.returncode:
                raise UserError(
                    f"git cannot show scripts/ at {commit}: {result.stderr.strip()}. Name a commit of this clone."
                )
            archive.seek(0)
            with tarfile.open(fileobj=archive) as tar:
                tar.extractall(folder, filter="data")
        yield Path(folder) / "scripts"
