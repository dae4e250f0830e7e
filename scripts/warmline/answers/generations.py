"""Generations: what an arm answered to the prompts of one condition, and the requests that the answers came from."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from warmline.calls.requests import UNANSWERABLE, Request, Response
from warmline.calls.thoughts import without_thoughts
from warmline.models.cards import Arm
from warmline.tables.generations import GENERATIONS

GRADED = ("stop", "length", "refusal")
"""How answers end that are the model's own as far as they go: one cut at the token limit is graded by its beginning."""
_UNGRADED = {
    "content_filter": "answer withheld or cut by a content filter",
    UNANSWERABLE: "request turned down for good",
}


def requests(prompts: pl.DataFrame, arm: Arm, suite: str) -> Iterator[Request]:
    """The requests to an arm for a table of prompts, row by row."""
    for row in prompts.iter_rows(named=True):
        yield Request(arm.messages(row["messages"]), arm.sampling[suite], row["seed"])


def generations(
    prompts: pl.DataFrame, answers: list[tuple[str, Response]], opens_thought: bool = False
) -> pl.DataFrame:
    """The table GENERATIONS from the ledger key and response of every prompt; the ledger keeps the thoughts.

    `opens_thought` says that replies begin within a thought (warmline.models.cards.Arm.answerer).
    """
    rows = [
        {
            "item": item,
            "text": without_thoughts(response.text, opens_thought),
            "finish_reason": response.finish_reason,
            "prompt_tokens": response.prompt_tokens,
            "completion_tokens": response.completion_tokens,
            "answer_key": key,
        }
        for item, (key, response) in zip(prompts["item"], answers, strict=True)
    ]
    return pl.DataFrame(rows, schema=GENERATIONS.schema)


def why_ungraded(finish_reason: str) -> str | None:
    """Why an answer that ended so is not graded; None if it is."""
    if finish_reason in GRADED:
        return None
    return _UNGRADED.get(finish_reason, f"answer that ended with {finish_reason}")


def graded_text() -> pl.Expr:
    """The text of an answer, empty where it is not graded."""
    return pl.when(pl.col("finish_reason").is_in(GRADED)).then("text").otherwise(pl.lit("")).alias("text")
