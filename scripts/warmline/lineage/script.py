"""The command lines of the pipeline's scripts, and the record that each job leaves (lineage rule 9).

A script declares the files it reads and writes; `run` calls its main function, turns a user's mistake into a short
message, and, given `--record`, notes who made what from what (warmline.lineage.records).
"""

from __future__ import annotations

import argparse
import datetime
import resource
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from warmline.lineage import code_digests, digests, orders, processes, records, revisions
from warmline.lineage.errors import UserError
from warmline.lineage.places import SCRIPTS, WORKFLOW


class Parser(argparse.ArgumentParser):
    """An argument parser that knows which of its arguments are files read and which are files written."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.read_names: list[str] = []
        self.written_names: list[str] = []
        # What the files of the ledger say of this job; nothing where it leaves no record.
        self.set_defaults(written_by={})
        self.add_argument("--record", help="the name of this job's record (warmline.lineage.records)")

    def reads(self, name: str, help: str, *, several: bool = False, required: bool = True) -> None:
        """Declare `--<name>` as one input file, or as several."""
        self._file(name, help, several, required)
        self.read_names.append(name.replace("-", "_"))

    def finds(self, name: str) -> None:
        """Declare `<name>` as the input files that the script finds by itself and puts among its arguments."""
        self.set_defaults(**{name: []})
        self.read_names.append(name)

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
    """Parse the command line, call `main`, add the job's record. Exits with status 1 on a UserError.

    `found` names the modules that the script finds by names that it is given (warmline.lineage.reach).
    """
    arguments = parser.parse_args()
    for name in parser.written_names:
        for path in _paths(arguments, name):
            path.parent.mkdir(parents=True, exist_ok=True)
    try:
        watch = _Watch(parser, arguments, found(arguments)) if arguments.record else None
        if watch:
            arguments.written_by = watch.as_writer()
        main(arguments)
        if watch:
            watch.write_record()
    except UserError as error:
        sys.exit(f"error: {error}")


def _utc(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _paths(arguments: argparse.Namespace, name: str) -> list[Path]:
    value = getattr(arguments, name)
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


class _Watch:
    """What a job was made from, as it was when the job began. Raises UserError if it has changed since."""

    def __init__(self, parser: Parser, arguments: argparse.Namespace, found: Sequence[str]) -> None:
        self._parser = parser
        self._arguments = arguments
        self._started = time.time()
        self._script = str(Path(sys.argv[0]).resolve().relative_to(SCRIPTS))
        self._found = found
        self._order = orders.take(arguments.record, sys.argv)
        self._code = code_digests.look_up(SCRIPTS, self._script, *found)
        planned = self._order.get("code")
        if planned and planned != (self._code or {}).get("digest"):
            raise UserError(
                f"the code of {self._script} was edited after this run was planned. Nothing was done; run it again."
            )
        paths = [path for name in parser.read_names for path in _paths(arguments, name)]
        # What is missing, the script itself complains about.
        self._inputs = {path: (digests.state(path), digests.of_file(path)) for path in paths if path.is_file()}
        self._git = self._order["git"] if self._order else revisions.state(WORKFLOW)
        parents = {name: records.last(name) for name in self._order.get("parents", [])}
        self._parents = {name: records.digest(record) for name, record in parents.items() if record}

    def as_writer(self) -> dict[str, Any]:
        """What the files of the ledger say of the job that wrote them."""
        code = self._code and self._code["digest"]
        return {"record": self._arguments.record, "code": code, "git": self._git, "started": _utc(self._started)}

    def write_record(self) -> None:
        """Add the job's record to its file, if what it was made from is still as it was."""
        self._check()
        arguments, parser = self._arguments, self._parser
        rule, wildcards = records.rule_and_wildcards(arguments.record)
        files = {*parser.read_names, *parser.written_names, "record", "written_by"}
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        record = {
            "format": records.FORMAT,
            "rule": rule,
            "wildcards": wildcards,
            "command": shlex.join(sys.argv),
            "params": {name: value for name, value in sorted(vars(arguments).items()) if name not in files},
            "given": self._order.get("given"),
            "configuration": self._order.get("configuration"),
            "inputs": {name: self._digests(name) for name in parser.read_names},
            "outputs": {name: self._digests(name) for name in parser.written_names},
            "parents": self._parents,
            "code": self._code,
            **processes.this(),
            "git": self._git,
            "started": _utc(self._started),
            "seconds": round(time.time() - self._started, 3),
            "cpu_seconds": round(sum(used.ru_utime + used.ru_stime for used in (own, children)), 3),
            # Linux counts it in KiB.
            "peak_bytes": max(own.ru_maxrss, children.ru_maxrss) * 1024,
        }
        records.append(arguments.record, record)

    def _check(self) -> None:
        for path, (state, digest) in self._inputs.items():
            unchanged = path.is_file() and (digests.state(path) == state or digests.of_file(path) == digest)
            if not unchanged:
                raise UserError(
                    f"{path} was changed while {self._script} was reading it: what was made follows neither its old "
                    "nor its new content. Run it again; answers of models are kept."
                )
        if self._code and code_digests.look_up(SCRIPTS, self._script, *self._found) != self._code:
            raise UserError(
                f"the code of {self._script} was edited while it ran. Run it again; answers of models are kept."
            )

    def _digests(self, name: str) -> dict[str, str]:
        paths = _paths(self._arguments, name)
        return {str(path): self._inputs[path][1] if path in self._inputs else digests.of_file(path) for path in paths}
