"""Warmth as a judge sees it: which of two responses to a validation prompt, an arm's or the original's, is warmer.

A check that hangs on no likelihood. Judges favour what stands first or second, so each pair is shown in both orders,
and only what is named in both counts (Zheng et al. 2023, "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena",
section 3.4).
"""

from __future__ import annotations

import polars as pl

from warmline.answers.generations import why_ungraded
from warmline.calls.requests import Request, Response
from warmline.design.arms import ORIGINAL
from warmline.grading import judge_prompts, judge_replies
from warmline.grading.judges import ModelJudge
from warmline.grading.verdicts import Verdict
from warmline.lineage.draws import row_seed
from warmline.tables.judged_warmth import ARM, JUDGED_WARMTH


def pairs(prompts: pl.DataFrame, arm: pl.DataFrame, original: pl.DataFrame) -> pl.DataFrame:
    """The arm's responses beside the original's to the same prompts, a row for each order they are shown in.

    Columns: item, shown_first, question (what the user wrote), first and second (the two texts in this order),
    answer_key, original_key, ungraded (why the pair is not compared, or null); sorted by item and order.
    """
    asked = prompts.select("item", question=pl.col("messages").list.last().struct.field("content"))
    treated, untreated = (
        side.select(
            "item",
            "text",
            key="answer_key",
            ungraded=pl.col("finish_reason").map_elements(why_ungraded, pl.String),
        )
        for side in (arm, original)
    )
    both = asked.join(treated, on="item", validate="1:1").join(untreated, on="item", validate="1:1", suffix="_original")
    orders = {ARM: ("text", "text_original"), ORIGINAL: ("text_original", "text")}
    return pl.concat(
        both.select(
            "item",
            pl.lit(shown_first).alias("shown_first"),
            "question",
            first=first,
            second=second,
            answer_key="key",
            original_key="key_original",
            ungraded=pl.coalesce("ungraded", "ungraded_original"),
        )
        for shown_first, (first, second) in orders.items()
    ).sort("item", "shown_first")


def requests(pairs: pl.DataFrame, judge: ModelJudge) -> list[Request]:
    """One request to the judge for each row of `pairs` that is compared."""
    schema = judge_replies.schema(judge.scale) if judge.reply == "schema" else None
    return [
        Request(
            judge_prompts.render_two(judge.template, judge.instruction, row["question"], row["first"], row["second"]),
            judge.sampling,
            row_seed(judge.seed, "judge", row["item"]),
            schema,
        )
        for row in pairs.filter(pl.col("ungraded").is_null()).iter_rows(named=True)
    ]


def judged(
    pairs: pl.DataFrame, answers: list[tuple[str, Response]], judge: ModelJudge, model: str, arm: str
) -> pl.DataFrame:
    """The table JUDGED_WARMTH from `pairs` and the ledger key and response of the judge for each of `requests`."""
    other = {ARM: ORIGINAL, ORIGINAL: ARM}
    replies = iter(answers)
    rows = []
    for row in pairs.iter_rows(named=True):
        judge_key, verdict = None, Verdict("unscored", row["ungraded"])
        if row["ungraded"] is None:
            judge_key, response = next(replies)
            verdict = judge.verdict(response)
        first = row["shown_first"]
        named = {"first": first, "second": other[first]}.get(verdict.verdict, verdict.verdict)
        kept = {name: row[name] for name in ("item", "shown_first", "answer_key", "original_key")}
        rows.append(
            {"model": model, "arm": arm, **kept, "warmer": named, "reason": verdict.reason, "judge_key": judge_key}
        )
    return pl.DataFrame(rows, schema=JUDGED_WARMTH.schema)
