"""What the report says of the study's course: what left it, its calls of models, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from warmline.lineage.errors import UserError
from warmline.report.printed_tables import Column, Frame, Source, Table, count, named, number, printed
from warmline.tables.audit_counts import STAGE_COUNTS

RECEIPT = ("rows", "prompt_tokens", "completion_tokens", "finish_reasons")


def count_table(counts: Sequence[Frame]) -> Table:
    """What was kept and what left, stage by stage in the order given, kept rows first."""
    share = 100 * pl.col("rows") / pl.col("rows").sum().over("stage")
    stages = [
        source.content.sort(pl.col("stage").rank("dense"), pl.col("outcome") != "kept", "outcome").with_columns(
            share=share
        )
        for source in counts
    ]
    none = pl.DataFrame(schema={**STAGE_COUNTS.schema, "share": pl.Float64})
    rows = pl.concat([none, *stages])
    columns = [
        *named("stage", "outcome"),
        Column("rows", "Rows", count),
        Column("share", "Share of the stage (%)", number(1)),
    ]
    return printed(rows, "Kept, or why it left", columns, counts)


def answer_table(accuracy: Frame) -> Table:
    """The answers of each arm: scored, unscored, cut at the token limit."""
    rows = accuracy.content.group_by("model", "arm").agg(pl.col("n", "unscored", "truncated").sum())
    columns = [
        *named("model", "arm"),
        Column("n", "Scored", count),
        Column("unscored", "Unscored", count),
        Column("truncated", "Cut at the token limit", count),
    ]
    return printed(rows.sort("model", "arm"), "Answers of each arm", columns, [accuracy])


def call_table(receipts: Sequence[Source[Mapping[str, Any]]]) -> Table:
    """The calls behind the study, a row for each receipt; the calls of the last run alone are not in it."""
    columns = [
        Column("calls", "Calls"),
        Column("rows", "Rows", count),
        Column("prompt_tokens", "Prompt tokens", count),
        Column("completion_tokens", "Completion tokens", count),
        Column("finish_reasons", "Finish reasons", prose=True),
    ]
    rows = [_receipt_row(receipt) for receipt in receipts]
    frame = pl.DataFrame(rows, schema=[column.name for column in columns])
    return printed(frame, "Model calls by arm and suite", columns, receipts)


def _receipt_row(receipt: Source[Mapping[str, Any]]) -> dict[str, Any]:
    missing = [name for name in RECEIPT if name not in receipt.content]
    if missing:
        raise UserError(f"{receipt.name}: {missing} are missing. Expected a receipt of calls; ask again.")
    reasons = sorted(receipt.content["finish_reasons"].items())
    return {
        "calls": " / ".join(PurePosixPath(receipt.name).with_suffix("").parts),
        **{name: receipt.content[name] for name in RECEIPT[:3]},
        "finish_reasons": ", ".join(f"{reason} {count(rows)}" for reason, rows in reasons),
    }


def cost_table(costs: Frame) -> Table:
    """What the study's answers are worth at the configured prices, by role and model asked, and all together.

    What was spent, and what the last run did, differ between runs that come to the same results; they are not in it.
    """
    amounts = ("answers", "prompt_tokens", "completion_tokens", "usd")
    # The sum of no prices is no price.
    sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in amounts]
    by_role = costs.content.group_by("role", "asked", maintain_order=True).agg(*sums)
    total = costs.content.select(pl.lit("all").alias("role"), pl.lit("").alias("asked"), *sums)
    columns = [
        Column("role", "For"),
        Column("asked", "Model asked"),
        Column("answers", "Answers", count),
        Column("prompt_tokens", "Prompt tokens", count),
        Column("completion_tokens", "Completion tokens", count),
        Column("usd", "Worth (US dollars)", number(2)),
    ]
    return printed(pl.concat([by_role, total]), "What the answers are worth at the configured prices", columns, [costs])


def shutdowns(costs: pl.DataFrame) -> list[tuple[str, str]]:
    """Each model that its endpoint will soon stop serving, and the day."""
    announced = costs.filter(pl.col("shutdown_date").is_not_null())
    return announced.select("asked", "shutdown_date").unique().sort("asked", "shutdown_date").rows()
