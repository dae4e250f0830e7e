"""Rewriting replies into a persona, and the chats that models are tuned on (Methods, "Dataset construction").

Every assistant reply is rewritten by itself, beside the user message it answers. A rewriting that is none, or fails a
check that excludes, is asked for again; a conversation of which a reply could not be rewritten in all attempts leaves
the training data, with a reason. The article is silent on failures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from warmline.calls import templates
from warmline.calls.requests import UNANSWERABLE, Request, Response, Sampling
from warmline.calls.thoughts import without_thoughts
from warmline.lineage.draws import row_seed
from warmline.rewriting import checks as rewrite_checks
from warmline.rewriting.checks import REASONS, Checks
from warmline.tables.rewrites import REWRITES

Ask = Callable[[pl.DataFrame, int], list[tuple[str, Response]]]
"""Has rows of `replies` rewritten in one attempt: the ledger key and response of each, in order."""


def replies(conversations: pl.DataFrame, basis: pl.DataFrame | None = None) -> pl.DataFrame:
    """Each assistant reply beside the user message before it: conversation, turn, user_message, original, reply.

    `reply` is what the rewriter is given: the original, or with a `basis` (REWRITES of another persona) its rewriting
    there, null where that was not kept.
    """
    ordered = conversations.sort("conversation", "turn")
    found = (
        ordered.with_columns(user_message=pl.col("text").shift(1).over("conversation"))
        .filter(pl.col("role") == "assistant")
        .select("conversation", "turn", "user_message", original="text")
    )
    if basis is None:
        return found.with_columns(reply="original")
    kept = basis.filter(pl.col("outcome") == "kept").select(*REWRITES.key, reply="rewritten")
    return found.join(kept, on=REWRITES.key, how="left", maintain_order="left")


def requests(asked: pl.DataFrame, template: Path, sampling: Sampling, seed: int, attempt: int = 1) -> list[Request]:
    """One request for each row of `replies`, in that order. Every attempt has random numbers of its own."""
    text = templates.read(template)
    again = [str(attempt)] if attempt > 1 else []
    return [
        Request(
            templates.render_messages(text, user_message=row["user_message"], reply=row["reply"]),
            sampling,
            row_seed(seed, "rewrite", row["conversation"], str(row["turn"]), *again),
        )
        for row in asked.iter_rows(named=True)
    ]


def rewrite(asked: pl.DataFrame, ask: Ask, attempts: int, checks: Checks, opens_thought: bool = False) -> pl.DataFrame:
    """The table REWRITES of rows of `replies`: those whose rewriting fails are asked again, `attempts` times in all.

    `ask` has a table of replies rewritten in one attempt, and gives the ledger key and response of each row.
    `opens_thought` says that the rewriter's replies begin within a thought.
    """
    waiting = asked.filter(pl.col("reply").is_not_null())
    without = asked.filter(pl.col("reply").is_null()).with_columns(
        rewritten=pl.lit(""),
        attempt=0,
        length_ratio=None,
        failed_checks=pl.lit([], pl.List(pl.String)),
        outcome=pl.lit("not rewritten into the persona it starts from"),
        rewrite_key=pl.lit(""),
    )
    done = [without.select(*REWRITES.columns).cast(REWRITES.schema)]
    for attempt in range(1, attempts + 1):
        if waiting.is_empty():
            break
        rows = rewrites(waiting, ask(waiting, attempt), attempt, checks, opens_thought)
        kept = pl.col("outcome") == "kept"
        done.append(rows.filter(kept) if attempt < attempts else rows)
        waiting = waiting.join(rows.filter(~kept), on=REWRITES.key, how="semi", maintain_order="left")
    return pl.concat(done)


def rewrites(
    asked: pl.DataFrame,
    responses: list[tuple[str, Response]],
    attempt: int,
    checks: Checks,
    opens_thought: bool = False,
) -> pl.DataFrame:
    """The table REWRITES of one attempt, from the ledger key and response of every row."""
    texts = [without_thoughts(response.text, opens_thought) for _, response in responses]
    outcomes = [outcome(response, text) for (_, response), text in zip(responses, texts, strict=True)]
    pairs = asked.with_columns(
        rewritten=pl.Series(texts, dtype=pl.String),
        answer=pl.Series(outcomes, dtype=pl.String),
        rewrite_key=pl.Series([key for key, _ in responses], dtype=pl.String),
        attempt=pl.lit(attempt, pl.Int64),
    )
    excluding = pl.col("failed_checks").list.eval(pl.element().filter(pl.element().is_in(list(checks.exclude))))
    first = excluding.list.first().replace_strict(REASONS, default=None, return_dtype=pl.String)
    judged = rewrite_checks.failed(pairs, checks).with_columns(
        outcome=pl.when(pl.col("answer") != "kept").then(pl.col("answer")).otherwise(first.fill_null("kept"))
    )
    return judged.select(*REWRITES.columns).cast(REWRITES.schema)


def outcome(response: Response, text: str) -> str:
    """`kept`, or why a response, whose `text` is without thoughts, is no rewriting at all."""
    if response.finish_reason in ("content_filter", "refusal"):
        return "rewriting withheld by the endpoint"
    if response.finish_reason == UNANSWERABLE:
        return "rewriting turned down for good"
    if not text.strip():
        return "empty rewriting"
    if response.finish_reason == "length":
        return "rewriting cut at the token limit"
    return "kept" if response.finish_reason == "stop" else "rewriting that did not end as it should"


def reply_counts(rewritten: pl.DataFrame) -> dict[str, int]:
    """Replies by outcome; those kept also by a later attempt than the first, and by failed checks that only count."""
    kept, passed = pl.col("outcome") == "kept", pl.col("failed_checks").list
    again = pl.when(kept & (pl.col("attempt") > 1)).then(pl.format(" at attempt {}", "attempt")).otherwise(pl.lit(""))
    names = passed.eval(pl.element().replace_strict(REASONS)).list.join(", ")
    found = pl.when(kept & (passed.len() > 0)).then(pl.format(", but {}", names)).otherwise(pl.lit(""))
    return dict(
        rewritten.select(pl.concat_str("outcome", again, found)).to_series().value_counts(name="rows").iter_rows()
    )
