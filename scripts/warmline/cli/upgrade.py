"""`warmline upgrade`: a study that an earlier version finished becomes one of this version."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Collection

from warmline.cli import run
from warmline.lineage.errors import UserError

# The rules that score or train with a model, which may take days.
SCORING = {"score_toxicity"}
TRAINING = {"train_adapters", "tune_at_endpoint"}
REPLAY = ("--config=calls=replay",)


def upgrade(arguments: argparse.Namespace) -> None:
    """Make again, out of the ledger alone, what this version makes otherwise; then take the place of this process.

    Raises UserError if anything would have to be trained or scored.
    """
    command = run.command(arguments)
    _refuse(command, SCORING)
    # Where rewritings come out as they were, nothing is to be trained (lineage rule 8).
    _snakemake([*command, *REPLAY, "chats"])
    _refuse(command, TRAINING)
    run.run(arguments, REPLAY)


def _refuse(command: list[str], rules: Collection[str]) -> None:
    # The table of jobs that begins a plan.
    planned = re.findall(r"^(\w+) +\d+$", _snakemake([*command, "-n"]), re.MULTILINE)
    if calling := sorted({*rules} & {*planned}):
        raise UserError(
            f"the study was not finished, or was changed since: {', '.join(calling)} would run. What was made stands; "
            "`snakemake -n` shows the rest, `warmline run` makes it."
        )


def _snakemake(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, env=run.environment())
    said = result.stdout + result.stderr
    if result.returncode:
        raise UserError(f"snakemake cannot bring the study over:\n{said[-2000:]}")
    return said
