"""`warmline run`: a study checked, and brought up to date in three steps."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from warmline.cli import check, configured
from warmline.lineage import places
from warmline.workflow import one_run

# What changes training or requests is made first, so that where it comes out byte-equal, nothing is trained or asked
# (lineage rule 8). A shell, because it waits for a step that is interrupted to end. The last step lets the study go.
STEPS = '"$@" chats && "$@" requests && exec "$@"; status=$?; rm -f "$0"; exit $status'


def run(arguments: argparse.Namespace, further: Sequence[str] = ()) -> None:
    """Take the place of this process; `further` are for Snakemake.

    Raises UserError if the study is being run, or will fail.
    """
    words = [*command(arguments), *further]
    study = configured.study(arguments.configfile)
    folder = Path(study.folder)
    one_run.hold(folder)
    try:
        check.require(study, arguments.profile, begun=True)
    except BaseException:
        one_run.let_go(folder)
        raise
    os.execvpe("bash", ["bash", "-c", STEPS, str(folder / one_run.FILE), *words], environment())


def command(arguments: argparse.Namespace) -> list[str]:
    """The command that runs Snakemake on a study. Raises UserError if there is none."""
    configured.require_study(arguments.configfile)
    places.link()
    words = [sys.executable, "-m", "snakemake", "--snakefile", places.found("Snakefile")]
    if arguments.profile:
        words += ["--profile", arguments.profile]
    if arguments.configfile:
        words += ["--configfile", *map(str, arguments.configfile)]
    return [*words, "--cores", arguments.cores]


def environment() -> dict[str, str]:
    """The environment of Snakemake, whose invocations are one run.

    Jobs call `python`, whether or not the virtual environment is activated.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, one_run.WITHIN: str(os.getpid())}
