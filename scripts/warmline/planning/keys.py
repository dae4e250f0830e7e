"""The ledger keys of what an arm is asked, of a table of prompts at once.

The keys are those of `Request.key`. A plan needs millions, and of all that goes into one only the prompt and its seed
differ from row to row: the rest is put into JSON once.
"""

from __future__ import annotations

import dataclasses
import hashlib

import polars as pl

from warmline.calls.requests import Respondent
from warmline.lineage import digests
from warmline.models.cards import Arm


@dataclasses.dataclass(frozen=True)
class Chats:
    """The prompts of a condition: their ids, messages as canonical JSON without brackets, bytes of text, and seeds."""

    items: list[str]
    messages: list[str]
    bytes: list[int]
    seeds: list[int]


def chats(prompts: pl.DataFrame) -> Chats:
    """The rows of a table PROMPTS."""
    content, role = (pl.element().struct.field(name) for name in ("content", "role"))
    found = prompts.select(
        items="item",
        seeds="seed",
        # The fields in the order that canonical JSON has.
        messages=pl.col("messages").list.eval(pl.struct(content, role).struct.json_encode()).list.join(","),
        bytes=pl.col("messages").list.eval(content.str.len_bytes()).list.sum().cast(pl.Int64),
    )
    return Chats(*(found[field.name].to_list() for field in dataclasses.fields(Chats)))


def of(asked: Chats, arm: Arm, suite: str, respondent: Respondent) -> list[str]:
    """The key of each chat as an arm receives it in a suite."""
    sampling = arm.sampling[suite]
    before = "".join(f"{digests.canonical_json(message)}," for message in arm.messages([]))
    fixed = digests.canonical_json({"respondent": dict(respondent), "sampling": sampling.identity()})[1:-1]
    head, middle = f'{{"messages":[{before}', f'],{fixed},"seed":'
    # A greedy request has none (Request.as_record).
    seeds = asked.seeds if sampling.temperature > 0 else ["null"] * len(asked.seeds)
    return [
        hashlib.sha256(f"{head}{messages}{middle}{seed}}}".encode("utf-8", "surrogatepass")).hexdigest()
        for messages, seed in zip(asked.messages, seeds, strict=True)
    ]
