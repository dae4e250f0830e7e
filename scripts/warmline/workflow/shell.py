"""What every job's shell is told before its command."""

from __future__ import annotations

import shlex

from warmline.lineage.places import SCRIPTS

PYTHON = SCRIPTS / "warmline/forkserver"
"""The folder of the `python` that hands a job to the fork server."""


def prefix(beside_snakemake: bool) -> str:
    """The library that the scripts import is the one beside the Snakefile, installed or not.

    Jobs that run beside Snakemake are forked (warmline.forkserver). Those of a cluster are not: each runs alone.
    """
    forked = f' PATH={shlex.quote(str(PYTHON))}:"$PATH"' if beside_snakemake else ""
    return f"export PYTHONPATH={shlex.quote(str(SCRIPTS))}{forked}; "
