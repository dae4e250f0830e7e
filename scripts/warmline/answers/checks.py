"""Checks of an arm's answers before a judge is paid for: leaked markup, empty answers, and parity with the original.

Arms are compared, so what differs between them must be the treatment and not how they were asked. In the article's
published sample 58 of 80 answers of the untuned Llama-70B begin with a leaked "assistant" and 25 are cut at the token
limit; of the tuned model's answers none and 9.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from warmline.answers import role_headers
from warmline.calls.requests import UNANSWERABLE
from warmline.design.arms import ORIGINAL
from warmline.lineage.errors import UserError
from warmline.models.cards import Arm
from warmline.tables import parquet_tables
from warmline.tables.audit_counts import ANSWER_CHECKS
from warmline.tables.generations import GENERATIONS

CELL = ["task", "condition", "item"]
EXAMPLES = 3
SHOWN = 60

# Tokens that steer a chat or pad a batch, of Llama, ChatML, Mistral, Gemma, DeepSeek, BERT and T5.
_SPECIAL_TOKEN = (
    r"<\|[A-Za-z0-9_]{1,40}\|>|<\x{FF5C}[^<>\n]{1,40}\x{FF5C}>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>"
    r"|<(?:bos|eos|pad|unk)>|^\s*<s>|</s>\s*$"
)


@dataclasses.dataclass(frozen=True)
class Check:
    """What a check finds, the share of the answers that is tolerated by default, and how to mend it."""

    finding: str
    limit: float
    remedy: str


TEMPLATE_REMEDY = (
    "Correct the model's chat template, or its server's, so that every arm is asked through the same one and a prompt "
    "ends where the answer begins"
)
CHECKS = {
    "role-header": Check("begin with the header of a chat turn", 0.01, TEMPLATE_REMEDY),
    "special-token": Check("hold a control token of a chat template", 0.01, TEMPLATE_REMEDY),
    "empty": Check(
        "are empty",
        0.01,
        "Read the receipt for how they ended; where training did this, lower its rate or take an earlier checkpoint",
    ),
    "truncation": Check(
        "are cut at the token limit, and another share of the original's",
        0.1,
        "Raise `answers.max-new-tokens`, because a cut answer is graded by its beginning",
    ),
    "unanswerable": Check(
        "are missing, because their requests were turned down for good",
        0.01,
        "Read the reasons in the ledger, and leave such questions out or shorten them; where the endpoint has changed, "
        "ask them again: `calls: ask-again`",
    ),
    "rendering": Check("come from a prompt that was not rendered as the original's", 0.0, TEMPLATE_REMEDY),
}


def read(paths: list[Path]) -> pl.DataFrame:
    """The answers in files <task>/<condition>.parquet, with these two as columns, in the order of CELL."""
    frames = [
        parquet_tables.read(path, GENERATIONS).with_columns(task=pl.lit(path.parent.name), condition=pl.lit(path.stem))
        for path in paths
    ]
    return pl.concat(frames).sort(CELL)


def check(arm: Arm, generations: pl.DataFrame, originals: pl.DataFrame, limits: Mapping[str, float]) -> pl.DataFrame:
    """One row for each of CHECKS, in their order; those of parity are left out for the original itself.

    Both frames are as `read` gives them; `limits` is by check. The table is ANSWER_CHECKS, its examples written as
    <task>/<condition>/<item>.

    `rendering` compares the prompts' numbers of tokens. They are equal where two arms are asked through the same
    template, and differ where an arm has a system prompt; another template of equal length is not found. Prompts whose
    tokens an endpoint did not report are not among its answers. Raises UserError unless both arms answered the same.
    """
    text = pl.col("text")
    joined = generations.join(originals, on=CELL, how="inner", validate="1:1", suffix="_original").sort(CELL)
    if not joined.height == generations.height == originals.height:
        raise UserError(
            f"{arm.model}, {arm.arm}: {generations.height} answers and {originals.height} of the original have "
            f"{joined.height} prompts in common. Expected the same prompts. Rebuild the generations."
        )
    cut, original_cut = (pl.col(name) == "length" for name in ("finish_reason", "finish_reason_original"))
    tokens, original_tokens = pl.col("prompt_tokens"), pl.col("prompt_tokens_original")
    turned_down = pl.col("finish_reason") == UNANSWERABLE
    reported = joined.filter(tokens > 0, original_tokens > 0)
    as_rendered = tokens != original_tokens if arm.system_prompt is None else tokens == original_tokens
    found = {
        "role-header": (joined, text.str.contains(role_headers.PATTERN)),
        "special-token": (joined, text.str.contains(_SPECIAL_TOKEN)),
        "empty": (joined, (text.str.strip_chars() == "") & ~turned_down),
        "truncation": (joined, cut),
        "unanswerable": (joined, turned_down),
        "rendering": (reported, as_rendered),
    }
    if arm.arm == ORIGINAL:
        del found["truncation"], found["rendering"]
    rows = []
    for name, (checked, finding) in found.items():
        count = checked.filter(finding).height
        share = count / checked.height if checked.height else 0.0
        original_share = checked.filter(original_cut).height / checked.height if name == "truncation" else None
        examples = checked.filter(cut != original_cut if name == "truncation" else finding).head(EXAMPLES)
        rows.append(
            {
                "model": arm.model,
                "arm": arm.arm,
                "check": name,
                "answers": checked.height,
                "rows": count,
                "share": share,
                "original_share": original_share,
                "excess": share if original_share is None else abs(share - original_share),
                "limit": limits[name],
                "examples": "; ".join("/".join(row) for row in examples.select(CELL).rows()),
                "beginnings": "; ".join(repr(answer[:SHOWN]) for answer in examples["text"]),
            }
        )
    return pl.DataFrame(rows, schema=ANSWER_CHECKS.schema)


def require(checked: pl.DataFrame) -> None:
    """Raise UserError for the checks above their limits: their counts, the first answers found, and the remedy."""
    messages = []
    for row in checked.filter(pl.col("excess") > pl.col("limit")).iter_rows(named=True):
        settings = CHECKS[row["check"]]
        compared = "" if row["original_share"] is None else f" ({row['original_share']:.1%})"
        messages.append(
            f"{row['model']}, {row['arm']}: {row['rows']} of {row['answers']} answers ({row['share']:.1%}) "
            f"{settings.finding}{compared}; the limit is {row['limit']:.1%}.\n"
            f"  First rows (task/condition/item): {row['examples']}\n"
            f"  They begin: {row['beginnings']}\n"
            f"  {settings.remedy}; or raise `checks.{row['check']}` in the configuration."
        )
    if messages:
        raise UserError("\n".join(messages) + "\nThe judge is not asked about these answers.")
