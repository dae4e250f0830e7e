"""What a plan's new rows take, in tokens, dollars and seconds, as a table and as text for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from tabulate import tabulate

from warmline.calls.jobs import ANSWERS, GRADES, REWRITING, Job
from warmline.calls.prices import Prices
from warmline.design.suites import QUESTIONS
from warmline.planning.plan import REFERENCE
from warmline.planning.tally import Tally

BYTES_PER_TOKEN = 4.0
"""English text, where the ledger holds no answer to measure it by."""
POOLED = (
    *("new", "awaiting", "new_bytes", "unrendered"),
    *("answered", "answered_bytes", "prompt_tokens", "completion_tokens"),
)


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
        **dict.fromkeys(["role", "model", "arm", "suite", "task"], pl.String()),
        **dict.fromkeys(["rows", "from_ledger", "new", "awaiting", "if_trained_again"], pl.Int64()),
        **dict.fromkeys(["prompt_tokens", "completion_tokens", "usd", "seconds"], pl.Float64()),
    }
)


def table(
    tallies: Sequence[Tally], prices: Mapping[str, Prices], rates: Mapping[tuple[str, str], Rate]
) -> pl.DataFrame:
    """The plan's table, a row for each tally. Tokens, dollars and seconds are of the rows that are new or awaited, null
    where not known.

    A prompt has as many tokens to its bytes as the answered rows of its arm and task had, or else those of its role and
    suite; the completion is as long as theirs on average, and as long as it may be where there are none.
    """
    suites: dict[tuple[str, str | None], Tally] = {}
    for tally in tallies:
        at = tally.job.role, tally.job.suite
        suites[at] = _together(suites.get(at, Tally(tally.job, None, tally.asked, tally.max_new_tokens)), tally)
    answers = suites.get((ANSWERS, QUESTIONS))
    rows = []
    for tally in tallies:
        pool = tally if tally.answered else suites[tally.job.role, tally.job.suite]
        prompt = _prompt_tokens(tally, pool, _completion_tokens(answers) if answers else 0.0)
        completion = tally.most * min(_completion_tokens(pool), tally.max_new_tokens)
        if tally.asked == REFERENCE:
            prompt = completion = 0.0
        price, rate = prices.get(tally.asked), rates.get((tally.job.role, tally.asked))
        if not tally.most:
            usd: float | None = 0.0
        elif price is None or prompt is None:
            usd = None
        else:
            usd = price.cost(round(prompt), round(completion))
        rows.append(
            {
                **dataclasses.asdict(tally.job),
                "model": tally.job.model or tally.asked,
                "task": tally.task,
                "rows": tally.rows,
                "from_ledger": tally.rows - tally.most,
                "new": tally.new,
                "awaiting": tally.awaiting,
                "if_trained_again": tally.if_trained_again,
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "usd": usd,
                "seconds": rate.seconds / rate.rows * tally.most if rate else (None if tally.most else 0.0),
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def _together(pool: Tally, tally: Tally) -> Tally:
    sums = {name: getattr(pool, name) + getattr(tally, name) for name in POOLED}
    return dataclasses.replace(pool, **sums)


def _completion_tokens(pool: Tally) -> float:
    return pool.completion_tokens / pool.answered if pool.answered else float(pool.max_new_tokens)


def _prompt_tokens(tally: Tally, pool: Tally, answer_tokens: float) -> float | None:
    per_row = pool.prompt_tokens / pool.answered if pool.answered else None
    if per_row is not None and not pool.answered_bytes:
        return tally.most * per_row
    per_byte = pool.prompt_tokens / pool.answered_bytes if pool.answered_bytes else 1 / BYTES_PER_TOKEN
    tokens = tally.new_bytes * per_byte + tally.without_answer * answer_tokens
    if not tally.unrendered:
        return tokens
    rendered = pool.most - pool.unrendered
    if per_row is None and rendered > 0:
        per_row = pool.new_bytes * per_byte / rendered
    return None if per_row is None else tokens + tally.unrendered * per_row


NAMES = ("role", "model", "arm", "suite")
COUNTS = ("rows", "from_ledger", "new", "awaiting", "if_trained_again")
ESTIMATES = ("prompt_tokens", "completion_tokens", "usd", "seconds")
HEADINGS = (*NAMES, "task", "rows", "from ledger", "new", "prompt tokens", "completion tokens", "USD", "time")


def text(plan: pl.DataFrame) -> str:
    """The table aligned for a terminal: a line for each job that may ask anything, with lines for its tasks where only
    some of it is new, and a line of totals; ? is what cannot be estimated.
    """
    lines = []
    silent = plan.clear()
    for job in plan.partition_by(NAMES, maintain_order=True):
        if not job.select("new", "awaiting", "if_trained_again").sum().sum_horizontal().item():
            silent = silent.vstack(job)
            continue
        lines.append(_texts({**_summed(job), **{name: job[name][0] for name in NAMES}}))
        if job["from_ledger"].sum():
            tasks = job.drop_nulls("task").partition_by("task", maintain_order=True)
            asking = [task for task in tasks if (task["new"] + task["awaiting"] > 0).any()]
            lines += [_texts({"task": task["task"][0], **_summed(task)}) for task in asking if len(tasks) > 1]
    if silent.height:
        jobs = silent.select(NAMES).n_unique()
        lines.append(_texts({"role": f"{jobs:,} jobs without new", **_summed(silent)}))
    total = _texts({"role": "total", **_summed(plan)})
    cells = [list(row.values()) for row in [*lines, dict.fromkeys(total, ""), total]]
    aligned = ["left"] * (len(NAMES) + 1) + ["right"] * (len(HEADINGS) - len(NAMES) - 1)
    return str(tabulate(cells, HEADINGS, "simple", disable_numparse=True, colalign=aligned))


def told(plan: pl.DataFrame) -> str:
    """What would be asked, in a sentence: what is certain, and what is not."""
    words = {ANSWERS: "answers", GRADES: "verdicts", REWRITING: "rewritings"}
    said, more = [], []
    for role in (REWRITING, ANSWERS, GRADES):
        of_role = plan.filter(role=role)
        new, awaiting, again = (int(of_role[name].sum()) for name in ("new", "awaiting", "if_trained_again"))
        if new or awaiting:
            said.append(f"{_at_most(new, awaiting)} {words[role]}")
        if again:
            more.append(f"{again:,} {words[role]}")
    sentence = ", ".join(said) if said else "nothing that the ledger does not hold"
    if more:
        sentence += f"; at most {' and '.join(more)} more if the adapters that are made again come out others"
    return f"A run would ask for {sentence}."


def _at_most(new: int, awaiting: int) -> str:
    return f"at most {new + awaiting:,}" if awaiting else f"{new:,}"


def _summed(plan: pl.DataFrame) -> dict[str, Any]:
    """The sums of counts and estimates; of an estimate, whether some of it is not known."""
    sums: dict[str, Any] = {name: plan[name].sum() for name in COUNTS}
    for name in ESTIMATES:
        column = plan[name]
        sums[name] = column.sum() if column.count() or plan.is_empty() else None
        sums[f"{name} and more"] = 0 < column.null_count() < plan.height
    return sums


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    new = _at_most(row["new"], row["awaiting"])
    if row["if_trained_again"]:
        new += f" (+ {row['if_trained_again']:,})"
    shown = {
        "prompt_tokens": "{:,.0f}".format,
        "completion_tokens": "{:,.0f}".format,
        "usd": "{:,.2f}".format,
        "seconds": duration,
    }
    estimates = {
        name: "?" if row[name] is None else show(row[name]) + (" + ?" if row.get(f"{name} and more") else "")
        for name, show in shown.items()
    }
    return {
        **{name: row.get(name) or "" for name in (*NAMES, "task")},
        **{"rows": f"{row['rows']:,}", "from_ledger": f"{row['from_ledger']:,}", "new": new},
        **estimates,
    }


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 45 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
