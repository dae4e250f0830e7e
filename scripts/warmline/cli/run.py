"""`warmline run`: a study brought up to date, in three steps."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from warmline.cli import configured
from warmline.lineage import places

# What changes training or requests is made first, so that where it comes out byte-equal, nothing is trained or asked
# (lineage rule 8). A shell, because it waits for a step that is interrupted to end.
STEPS = '"$@" chats && "$@" requests && exec "$@"'


def run(arguments: argparse.Namespace) -> None:
    """Take the place of this process."""
    os.execvpe("bash", ["bash", "-c", STEPS, "warmline", *command(arguments)], environment())


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
    """The environment of Snakemake: jobs call `python`, whether or not the virtual environment is activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}
