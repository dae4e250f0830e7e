"""The command lines of the pipeline's scripts, and the record that each job leaves (lineage rule 9).

A script declares the files it reads and writes; `run` calls its main function, turns a user's mistake into a short
message, and, given `--record`, writes who made what from what. The record's path carries the rule and its wildcards:
`audit/jobs/<rule>/<name>=<value>,....json`.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from warmline.lineage import code_digests, complete_files, digests
from warmline.lineage.errors import UserError
from warmline.lineage.places import SCRIPTS


class Parser(argparse.ArgumentParser):
    """An argument parser that knows which of its arguments are files read and which are files written."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.read_names: list[str] = []
        self.written_names: list[str] = []
        self.add_argument("--record", type=Path, help="where to write the record of this job")

    def reads(self, name: str, help: str, *, several: bool = False, required: bool = True) -> None:
        """Declare `--<name>` as one input file, or as several."""
        self._file(name, help, several, required)
        self.read_names.append(name.replace("-", "_"))

    def writes(self, name: str, help: str, *, several: bool = False, required: bool = True) -> None:
        """Declare `--<name>` as one output file, or as several."""
        self._file(name, help, several, required)
        self.written_names.append(name.replace("-", "_"))

    def _file(self, name: str, help: str, several: bool, required: bool) -> None:
        if several:
            nargs = "+" if required else "*"
            self.add_argument(f"--{name}", type=Path, nargs=nargs, required=required, default=[], help=help)
        else:
            self.add_argument(f"--{name}", type=Path, required=required, help=help)


def run(
    parser: Parser,
    main: Callable[[argparse.Namespace], None],
    found: Callable[[argparse.Namespace], Sequence[str]] = lambda _: (),
) -> None:
    """Parse the command line, call `main`, write the job record. Exits with status 1 on a UserError.

    `found` names the modules that the script finds by names that it is given (warmline.lineage.reach).
    """
    arguments = parser.parse_args()
    started = time.time()
    for name in parser.written_names:
        for path in _paths(arguments, name):
            path.parent.mkdir(parents=True, exist_ok=True)
    try:
        main(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")
    if arguments.record:
        _write_record(parser, arguments, found(arguments), started)


def _paths(arguments: argparse.Namespace, name: str) -> list[Path]:
    value = getattr(arguments, name)
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _write_record(parser: Parser, arguments: argparse.Namespace, found: Sequence[str], started: float) -> None:
    rule, wildcards = _rule_and_wildcards(arguments.record)
    script = str(Path(sys.argv[0]).resolve().relative_to(SCRIPTS))
    files = {*parser.read_names, *parser.written_names, "record"}
    record = {
        "rule": rule,
        "wildcards": wildcards,
        "command": shlex.join(sys.argv),
        "params": {name: value for name, value in sorted(vars(arguments).items()) if name not in files},
        "inputs": _digests(arguments, parser.read_names),
        "outputs": _digests(arguments, parser.written_names),
        "code": code_digests.look_up(SCRIPTS, script, *found),
        **this_process(),
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 3),
    }
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    # A reader (the planner, lineage rule 5) never sees half a record.
    text = json.dumps(record, indent=1, default=str, ensure_ascii=False)
    complete_files.write_text(arguments.record, text + "\n")


def _rule_and_wildcards(record: Path) -> tuple[str, dict[str, str]]:
    # A wildcard may hold a path, as the names of files from the hub do.
    rule, _, labels = str(record.with_suffix("")).rpartition("audit/jobs/")[2].partition("/")
    pairs = (part.split("=", 1) for part in labels.split(",") if "=" in part)
    return rule, {name: value for name, value in pairs}


def _digests(arguments: argparse.Namespace, names: list[str]) -> dict[str, dict[str, str]]:
    return {name: {str(path): digests.of_file(path) for path in _paths(arguments, name)} for name in names}


def this_process() -> dict[str, Any]:
    """What runs this process: versions of packages and of Python, the device, and the commit of the workflow."""
    return {
        "packages": _package_versions(),
        "python": platform.python_version(),
        "device": _device(),
        "git": _git_state(),
    }


def _package_versions() -> dict[str, str]:
    """The versions of the installed packages that this process has imported."""
    imported = {name.partition(".")[0] for name in sys.modules}
    wanted = [
        "snakemake",
        "polars",
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "detoxify",
        "statsmodels",
        "altair",
        "jinja2",
    ]
    return {name: importlib.metadata.version(name) for name in wanted if name in imported}


def _device() -> str:
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({platform.machine()})"


def _git_state() -> dict[str, str | bool] | None:
    """The commit of the workflow and whether tracked files differ from it; None where it is not a repository."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True, cwd=SCRIPTS).stdout.strip()

    try:
        # Where the workflow is installed, the repository around it may be that of a study.
        if git("rev-parse", "--show-prefix") != "scripts/":
            return None
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.CalledProcessError):
        return None
