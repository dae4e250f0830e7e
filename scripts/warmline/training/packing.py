"""Chats that go through a model together lie end to end in one row, so that no token is padding.

So do the parts of a chat whose template shows a reply otherwise once more turns follow (warmline.training.masking).

Positions start anew with each chat, which is how transformers' attention masks tell them apart. Layers that do not look
at the mask, such as convolutions or recurrent states over the row, would carry one chat into the next: whether a model
has any is tried before it is trained.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from transformers import DataCollatorWithFlattening

from warmline.lineage.errors import UserError

SHOWN = 16
"""Tokens of each chat that the trial takes."""

LEAK = 0.02
"""The greatest relative change of a token's scores that is put down to rounding, as in products of another expert's
batch, and not to another chat."""


LENGTHS = "lengths"
"""The field of an example with the tokens of each of its parts, where there are several."""


def example(parts: Sequence[tuple[list[int], list[int]]]) -> dict[str, list[int]]:
    """The token ids and labels of a chat's parts as one example, which an optimiser step counts as one chat."""
    joined = {"input_ids": [token for ids, _ in parts for token in ids], "labels": [x for _, ls in parts for x in ls]}
    return joined | ({LENGTHS: [len(ids) for ids, _ in parts]} if len(parts) > 1 else {})


def collate(rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """One row of the chats end to end: `input_ids`, `labels` and `position_ids`, each of shape (1, tokens)."""
    flatten: Any = DataCollatorWithFlattening
    batch: dict[str, torch.Tensor] = flatten(return_tensors="pt")([part for row in rows for part in _parts(row)])
    return batch


def _parts(row: dict[str, list[int]]) -> list[dict[str, list[int]]]:
    """The parts of an example, each to be told apart from the others."""
    ends = list(itertools.accumulate(row.get(LENGTHS, [len(row["input_ids"])])))
    return [
        {name: row[name][begin:end] for name in ("input_ids", "labels")}
        for begin, end in itertools.pairwise([0, *ends])
    ]


def require_isolation(model: Any, rows: Sequence[dict[str, list[int]]]) -> None:
    """Raise UserError if what stands in one chat of a row changes the scores of another.

    The second of two chats is scored behind the first and behind the first's tokens in reverse.
    """
    first, second = (row["input_ids"][:SHOWN] for row in sorted(rows, key=lambda row: len(set(row["input_ids"])))[-2:])
    scores = []
    for before in (first, first[::-1]):
        packed = collate([{"input_ids": ids, "labels": ids} for ids in (before, second)])
        inputs = {name: packed[name].to(model.device) for name in ("input_ids", "position_ids")}
        with torch.no_grad():
            # As in training: with a cache of keys and values transformers does not look for several chats in a row.
            output = model(**inputs, use_cache=False)
        scores.append(output.logits[0, len(first) :].float())
    change = (scores[0] - scores[1]).norm(dim=-1) / scores[0].norm(dim=-1)
    if change.max() > LEAK:
        raise UserError(
            f"{type(model).__name__}: chats that go through this model together are not told apart (the scores of one "
            f"change by {change.max():.1%} with another). Set training.micro-batch to 1; a model whose template shows "
            "a reply otherwise once more turns follow cannot be trained on chats of several."
        )
