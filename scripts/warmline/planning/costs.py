"""What a plan's new rows take, in tokens, dollars and seconds, as a table and as text for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from tabulate import tabulate

from warmline.calls.jobs import ANSWERS, Job
from warmline.calls.prices import Prices
from warmline.design.suites import QUESTIONS
from warmline.planning.plan import REFERENCE
from warmline.planning.tally import Tally

BYTES_PER_TOKEN = 4.0
"""English text, where the ledger holds no answer to measure it by."""
POOLED = ("new", "new_bytes", "unrendered", "answered", "answered_bytes", "prompt_tokens", "completion_tokens")


@dataclasses.dataclass(frozen=True)
class Rate:
    """How fast a model answered in the last runs that asked it anything."""

    rows: int = 0
    seconds: float = 0.0


def rates(receipts: Iterable[tuple[Job, str, Mapping[str, Any]]]) -> dict[tuple[str, str], Rate]:
    """The rate of each role and model asked, over the receipts of jobs that asked something in their last run."""
    found: dict[tuple[str, str], Rate] = {}
    for job, asked, receipt in receipts:
        last, sofar = receipt["this_run"], found.get((job.role, asked), Rate())
        if last["new"]:
            found[job.role, asked] = Rate(sofar.rows + last["new"], sofar.seconds + last["seconds"])
    return found


SCHEMA = pl.Schema(
    {
        **dict.fromkeys(["role", "model", "arm", "suite"], pl.String()),
        "rows": pl.Int64(),
        "from_ledger": pl.Int64(),
        "new": pl.Int64(),
        "at_most": pl.Boolean(),
        **dict.fromkeys(["prompt_tokens", "completion_tokens", "usd", "seconds"], pl.Float64()),
    }
)


def table(
    tallies: Sequence[Tally], prices: Mapping[str, Prices], rates: Mapping[tuple[str, str], Rate]
) -> pl.DataFrame:
    """The plan's table, a row for each tally. Tokens, dollars and seconds are of the new rows, null where not known.

    A prompt has as many tokens to its bytes as the answered rows of its role and suite had; the completion is as long
    as theirs on average, and as long as it may be where there are none.
    """
    pooled = {(tally.job.role, tally.job.suite): _pool(tallies, tally) for tally in tallies}
    answers = pooled.get((ANSWERS, QUESTIONS))
    rows = []
    for tally in tallies:
        pool = pooled[tally.job.role, tally.job.suite]
        prompt = _prompt_tokens(tally, pool, _completion_tokens(answers) if answers else 0.0)
        completion = tally.new * min(_completion_tokens(pool), tally.max_new_tokens)
        if tally.asked == REFERENCE:
            prompt = completion = 0.0
        price, rate = prices.get(tally.asked), rates.get((tally.job.role, tally.asked))
        if not tally.new:
            usd: float | None = 0.0
        elif price is None or prompt is None:
            usd = None
        else:
            usd = price.cost(round(prompt), round(completion))
        rows.append(
            {
                **dataclasses.asdict(tally.job),
                "model": tally.job.model or tally.asked,
                "rows": tally.rows,
                "from_ledger": tally.rows - tally.new,
                "new": tally.new,
                "at_most": tally.at_most,
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "usd": usd,
                "seconds": rate.seconds / rate.rows * tally.new if rate else (None if tally.new else 0.0),
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def _pool(tallies: Iterable[Tally], like: Tally) -> Tally:
    """All tallies of one role and suite as one."""
    pool = Tally(like.job, like.asked, like.max_new_tokens)
    for tally in tallies:
        if (tally.job.role, tally.job.suite) == (like.job.role, like.job.suite):
            for name in POOLED:
                setattr(pool, name, getattr(pool, name) + getattr(tally, name))
    return pool


def _completion_tokens(pool: Tally) -> float:
    return pool.completion_tokens / pool.answered if pool.answered else float(pool.max_new_tokens)


def _prompt_tokens(tally: Tally, pool: Tally, answer_tokens: float) -> float | None:
    per_byte = pool.prompt_tokens / pool.answered_bytes if pool.answered_bytes else 1 / BYTES_PER_TOKEN
    tokens = tally.new_bytes * per_byte + tally.awaiting * answer_tokens
    if not tally.unrendered:
        return tokens
    known = pool.answered + pool.new - pool.unrendered
    return tokens + tally.unrendered * (pool.prompt_tokens + pool.new_bytes * per_byte) / known if known else None


NAMES = ("role", "model", "arm", "suite")
COUNTS = ("rows", "from_ledger", "new")
ESTIMATES = ("prompt_tokens", "completion_tokens", "usd", "seconds")
HEADINGS = (*NAMES, "rows", "from ledger", "new", "prompt tokens", "completion tokens", "USD", "time")


def text(plan: pl.DataFrame) -> str:
    """The table aligned for a terminal, with a line of totals; ? is what cannot be estimated."""
    sums = {name: plan[name].sum() for name in (*COUNTS, *ESTIMATES)}
    total = _texts({"role": "total", "model": "", "arm": "", "suite": "", "at_most": plan["at_most"].any(), **sums})
    for name in ESTIMATES:
        if plan[name].null_count():
            total[name] = f"{total[name]} + ?" if plan[name].count() else "?"
    rows = [*map(_texts, plan.iter_rows(named=True)), dict.fromkeys(total, ""), total]
    aligned = ["left"] * len(NAMES) + ["right"] * (len(COUNTS) + len(ESTIMATES))
    cells = [list(row.values()) for row in rows]
    return str(tabulate(cells, HEADINGS, "simple", disable_numparse=True, colalign=aligned))


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    at_most = "at most " if row["at_most"] and row["new"] else ""
    usd, seconds = row["usd"], row["seconds"]
    return {
        **{name: row[name] or "" for name in NAMES},
        **{"rows": f"{row['rows']:,}", "from_ledger": f"{row['from_ledger']:,}", "new": f"{at_most}{row['new']:,}"},
        **{name: "?" if row[name] is None else f"{row[name]:,.0f}" for name in ESTIMATES[:2]},
        "usd": "?" if usd is None else f"{usd:,.2f}",
        "seconds": "?" if seconds is None else duration(seconds),
    }


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 45 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
