"""`warmline upgrade`: a study that an earlier version finished becomes one of this version."""

from __future__ import annotations

import argparse
import re
import subprocess

from warmline.cli import run
from warmline.lineage.errors import UserError

# The rules that ask, train or score with a model.
CALLING = {
    *("fetch_model", "score_toxicity", "rewrite_replies", "train_adapters", "tune_at_endpoint"),
    *("ask_arm", "ask_judge", "compare_warmth", "score_warmth"),
}


def upgrade(arguments: argparse.Namespace) -> None:
    """Take the place of this process to make the tables and pages that are new; what was made stands.

    Raises UserError if more is to be done.
    """
    command, environment = run.command(arguments), run.environment()
    result = subprocess.run([*command, "-n"], capture_output=True, text=True, env=environment)
    said = result.stdout + result.stderr
    if result.returncode:
        raise UserError(f"snakemake cannot plan the study:\n{said[-2000:]}")
    # The table of jobs that begins a plan.
    if calling := sorted(CALLING & set(re.findall(r"^(\w+) +\d+$", said, re.MULTILINE))):
        raise UserError(
            f"the study was not finished, or was changed since: {', '.join(calling)} would run. What was made stands; "
            "`snakemake -n` shows the rest, `warmline run` makes it."
        )
    run.run(arguments)
