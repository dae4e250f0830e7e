"""The machine: room on the disk for what is fetched, and the partitions of the cluster."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from warmline.lineage.errors import NotHere, UserError
from warmline.preflight.findings import FAILS, Finding, finding
from warmline.workflow.study import Study

GIGABYTE = 1_000_000_000
SITE = "site.yaml"


def disk(to_fetch: Callable[[], int], *, reachable: bool) -> Finding:
    """Whether what is to be fetched has room where results lie. `reachable` is the hub, which knows how much it is."""
    return finding("the disk", functools.partial(_room, to_fetch, reachable))


def partitions(profile: Path | None, study: Study) -> Iterator[Finding]:
    """A finding for the partitions that a profile names, if it names any."""
    if profile and not profile.is_dir():
        yield Finding(f"the profile {profile}", FAILS, "there is no such folder. Correct --profile.")
    site = profile / SITE if profile else None
    named = yaml.safe_load(site.read_text(encoding="utf-8")).get("partitions") if site and site.is_file() else None
    if site and named:
        yield finding(f"the partitions in {site}", functools.partial(_known, list(named), site, study))


def _room(to_fetch: Callable[[], int], reachable: bool) -> str:
    free = shutil.disk_usage(".").free
    if not reachable:
        raise NotHere(
            f"{free / GIGABYTE:,.1f} GB are free; the hub, which says how much is to be fetched, gives no answer"
        )
    try:
        needed = to_fetch()
    except UserError as error:
        # Whatever it is, it is named where it is looked for.
        raise NotHere(f"{free / GIGABYTE:,.1f} GB are free; how much is to be fetched is not known") from error
    said = f"{needed / GIGABYTE:,.1f} GB are to be fetched from the hub, {free / GIGABYTE:,.1f} GB are free"
    if needed > free:
        raise UserError(f"{said}. Make room, or put results/ on a larger disk.")
    return said


def _known(named: list[str], site: Path, study: Study) -> str:
    if shutil.which("sinfo") is None:
        raise NotHere("slurm is not on this machine")
    result = subprocess.run(["sinfo", "--noheader", "--format=%R %l"], capture_output=True, text=True, timeout=60)
    if result.returncode:
        raise NotHere(f"sinfo says: {result.stderr.strip()}")
    limits = dict(line.split() for line in result.stdout.splitlines())
    if missing := [name for name in named if name not in limits]:
        raise UserError(f"{site}: slurm has no partition {', '.join(missing)}, but {', '.join(limits)}. Correct it.")
    longest = max(hours(limits[name]) for name in named)
    for name, size in study.config.get("sizes", {}).items():
        if size["hours"] > longest:
            raise UserError(
                f"sizes.{name}.hours: {size['hours']:g}, and the partitions of {site} let no job run longer than "
                f"{longest:g}. Lower it."
            )
    return f"slurm has {', '.join(named)}"


def hours(limit: str) -> float:
    """A time limit as slurm writes it: days-hours:minutes:seconds, or `infinite`."""
    if limit == "infinite":
        return float("inf")
    days, _, rest = limit.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return int(days or 0) * 24 + hours + minutes / 60 + seconds / 3600
