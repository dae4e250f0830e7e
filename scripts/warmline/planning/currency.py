"""Which files of a study hold, as Snakemake and the records of jobs have it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from warmline.lineage import places
from warmline.lineage.errors import UserError


def stale_files(configfiles: Sequence[Path], targets: Iterable[str]) -> set[str]:
    """The files behind these that snakemake would make again, or for the first time.

    Raises UserError, with what snakemake says, if it cannot tell.
    """
    # Half of what a plan takes: a command that fails before does not wait for it.
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

    printed = io.StringIO()
    output = OutputSettings(nocolor=True, quiet={Quietness.ALL}, enable_file_logging=False)
    try:
        with SnakemakeApi(output) as api, contextlib.redirect_stdout(printed):
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=list(configfiles)),
                snakefile=Path(places.found("Snakefile")),
            )
            workflow.dag(DAGSettings(targets=set(targets))).summary()
    # Whatever is wrong with a Snakefile is an error of its own.
    except Exception as error:
        raise UserError(f"snakemake cannot tell what is up to date:\n{error}") from error
    lines = [line.split("\t") for line in printed.getvalue().splitlines()]
    return {fields[0] for fields in lines if fields[-1] == "update pending"}
