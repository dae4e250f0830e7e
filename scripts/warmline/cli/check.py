"""`warmline check`: what of a study will fail, before anything is spent."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from warmline.cli import configured
from warmline.lineage.errors import UserError
from warmline.preflight import whole
from warmline.preflight.findings import FAILS, FINE
from warmline.workflow.study import Study


def print_check(arguments: argparse.Namespace) -> None:
    """Print what was found of each thing that a study needs. Raises UserError, with a list, for what will fail."""
    require(configured.study(arguments.configfile), arguments.profile)


def require(study: Study, profile: str | None, *, begun: bool = False) -> None:
    """Print what `whole.findings` finds. Raises UserError, with a list, for what will fail."""
    # It warns of a speed that no check needs.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    faults: list[str] = []
    calls = 0
    for found in whole.findings(study, Path(profile) if profile else None, begun=begun):
        print(f"{found.place}: {'' if found.state == FINE else f'{found.state}: '}{found.text}", flush=True)
        calls += found.called
        if found.state == FAILS:
            faults.append(f"{len(faults) + 1}. {found.place}: {found.text}")
    if faults:
        made = f"{calls} calls were made" if calls else "no call was made"
        raise UserError(f"the study will fail, and {made}:\n" + "\n".join(faults))
