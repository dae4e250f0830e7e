"""How likely a language model finds given tokens: many rows at once, in bounded memory.

Batches hold rows of like length up to a budget of tokens. A batch goes through the model's layers once; the logits over
the vocabulary, by far its largest table, are made for scored tokens alone and for a few of them together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from warmline.lineage.errors import UserError

# Tokens of a batch, and tokens whose logits exist at once. On the CPU the tables of a batch are to stay below 32 MB:
# larger ones glibc hands back to the kernel after every use, and having them zeroed anew takes a good part of the time.
BATCH_TOKENS = {"cpu": 2048, "cuda": 32_768}
LOGIT_ROWS = {"cpu": 128, "cuda": 4096}
# Every new shape of a table takes memory that stays taken, some 7 MB on the CPU: in oneDNN's cache, and in holes
# between tables of almost one size. So the rows of logits are filled up to a multiple of this, and a batch's rows to
# one of this many lengths between a power of two and the next.
LOGIT_ROWS_STEP = 32
LENGTHS_IN_A_DOUBLING = 16


@dataclasses.dataclass(frozen=True)
class Row:
    """Tokens whose likelihood is wanted from the position `scored_from` (at least 1) on.

    What lies behind the first `attended` tokens is padding, which nothing attends to, and which is scored all the same.
    """

    tokens: Sequence[int]
    scored_from: int
    attended: int


def mean_log_likelihoods(model: Any, rows: Sequence[Row]) -> list[float]:
    """The mean log-likelihood of each row's scored tokens, in order (nats per token).

    A row's value does not depend on the other rows, but for rounding. Dropout is left as the model has it.

    Raises UserError if the model's logits are not simply its output layer's.
    """
    _require_plain_output(model)
    values = [0.0] * len(rows)
    for batch in _batches(rows, BATCH_TOKENS[model.device.type]):
        for at, value in zip(batch, _batch_means(model, [rows[at] for at in batch]), strict=True):
            values[at] = value
    return values


def _batches(rows: Sequence[Row], budget: int) -> Iterator[list[int]]:
    """The rows' places, sorted by length and cut so that a batch, padded, is within the budget."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at].tokens), reverse=True)
    while order:
        size = max(1, budget // _padded_length(len(rows[order[0]].tokens)))
        batch, order = order[:size], order[size:]
        yield batch


def _padded_length(longest: int) -> int:
    """The tokens that a batch's rows are padded to: the next of few lengths."""
    step = max(1, (1 << longest.bit_length() - 1) // LENGTHS_IN_A_DOUBLING)
    return -(-longest // step) * step


def _batch_means(model: Any, rows: Sequence[Row]) -> list[float]:
    length = _padded_length(max(len(row.tokens) for row in rows))
    ids = torch.tensor([[*row.tokens, *[0] * (length - len(row.tokens))] for row in rows], device=model.device)
    position = torch.arange(length, device=model.device)
    starts, ends, attended = (
        torch.tensor(values, device=model.device)[:, None]
        for values in zip(*((row.scored_from, len(row.tokens), row.attended) for row in rows), strict=True)
    )
    scored = (position >= starts) & (position < ends)
    # Padding at the right end reaches no token before it; a mask is needed only where padding itself is scored.
    mask = (position < attended).long() if bool((attended < ends).any()) else None
    with torch.inference_mode():
        hidden = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        found = _log_likelihoods(model, hidden[:, :-1][scored[:, 1:]], ids[scored])
    likelihoods = torch.zeros(scored.shape, dtype=torch.float64, device=model.device)
    likelihoods[scored] = found.double()
    means: list[float] = (likelihoods.sum(1) / scored.sum(1)).tolist()
    return means


def _log_likelihoods(model: Any, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The log-likelihood of each target (tokens) after the hidden states (tokens x width)."""
    output = model.get_output_embeddings()
    size = LOGIT_ROWS[model.device.type]
    spare = -len(targets) % LOGIT_ROWS_STEP
    hidden, targets = torch.nn.functional.pad(hidden, (0, 0, 0, spare)), torch.nn.functional.pad(targets, (0, spare))
    likelihoods = torch.cat(
        [
            -torch.nn.functional.cross_entropy(output(states).float(), following, reduction="none")
            for states, following in zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
        ]
    )
    return likelihoods[: len(targets) - spare]


def _require_plain_output(model: Any) -> None:
    """Some architectures cap or scale their logits behind the output layer, which the likelihoods here would miss."""
    ids = torch.arange(4, device=model.device)[None]
    training = model.training
    model.eval()
    with torch.inference_mode():
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        output = model.get_output_embeddings()
        plain = torch.allclose(output(hidden).float(), model(ids).logits.float(), rtol=0.01, atol=0.01)
    model.train(training)
    if not plain:
        raise UserError(
            f"{model.name_or_path}: a model of type {model.config.model_type} changes its logits behind its output "
            "layer, so its likelihoods cannot be had here. Measure with another model, such as GPT-2."
        )
