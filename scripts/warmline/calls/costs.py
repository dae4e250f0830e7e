"""What a study's model calls cost, job by job, from the receipts that the calling rules leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import polars as pl

from warmline.calls.jobs import Job
from warmline.calls.prices import Prices
from warmline.lineage.errors import UserError
from warmline.tables.audit_counts import COSTS


def table(
    receipts: Mapping[Job, Mapping[str, Any]],
    asked: Mapping[str, str],
    prices: Mapping[str, Prices],
    spent: Mapping[str, float],
) -> pl.DataFrame:
    """The table COSTS, in the order of the receipts.

    `asked` names the rewriting and the grading model by role; arms answer themselves. `prices` is by model and `spent`,
    in US dollars, by the jobs' labels. Raises UserError if a receipt lacks a number.
    """
    return pl.DataFrame([_row(job, receipts[job], asked, prices, spent) for job in receipts], schema=COSTS.schema)


def _row(
    job: Job,
    receipt: Mapping[str, Any],
    asked: Mapping[str, str],
    prices: Mapping[str, Prices],
    spent: Mapping[str, float],
) -> dict[str, Any]:
    try:
        counts = {name: receipt[name] for name in ("rows", "answers", "prompt_tokens", "completion_tokens")}
        last = {name: receipt["this_run"][name] for name in ("new", "seconds")}
    except KeyError as error:
        raise UserError(f"{job.receipt}: {error} is missing. Delete the receipt and run snakemake again.") from error
    model = asked.get(job.role, job.model)
    price = prices.get(model or "")
    return {
        **dataclasses.asdict(job),
        "asked": model,
        **counts,
        "usd": price.cost(counts["prompt_tokens"], counts["completion_tokens"]) if price else None,
        "usd_spent": spent.get(job.label, 0.0),
        **last,
        "shutdown_date": receipt["this_run"].get("shutdown_date"),
    }
