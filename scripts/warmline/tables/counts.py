"""Counts of what was kept and what left the study, stage by stage and with a reason (lineage rule 10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from warmline.tables import csv_tables
from warmline.tables.audit_counts import STAGE_COUNTS


def write(stage: str, counts: Mapping[str, int], path: Path) -> None:
    """Write rows by outcome (`kept`, or the reason for leaving) as the table STAGE_COUNTS."""
    write_stages({stage: counts}, path)


def write_stages(stages: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Write the counts of several stages, in the order given, as one table."""
    rows = [(stage, outcome, counts[outcome]) for stage, counts in stages.items() for outcome in sorted(counts)]
    csv_tables.write(pl.DataFrame(rows, schema=STAGE_COUNTS.schema, orient="row"), STAGE_COUNTS, path)
