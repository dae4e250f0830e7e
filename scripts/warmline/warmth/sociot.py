"""SocioT: is a text likelier among friends?

Methods, "Validation and warmth assessment"; the measure is from HumT DumT (Cheng, Yu and Jurafsky, ACL 2025). The
warmth of a text is its mean log-likelihood per token under a language model after "My friend said" and its like, minus
the same after "The stranger said" and its like. There are two variants.

`clean`: the text's own tokens alone are scored, the whole text up to the model's context, each sequence for itself, in
evaluation mode. The openings come after the model's beginning-of-text token where it has one, as at the head of every
document in its training, so that their first word too is conditioned on something.

`as_published`: what the public code scores, with dropout off. The text's first 300 characters stand between an opening
and a closing quote and are tokenised with them; every token but the first is scored, those of opening and quotes too;
the openings of a pole are padded with token 0 to the longest, and the padding is scored. The public code leaves dropout
on and reports mean and standard error over 100 passes for each pole; `passes` does so too. That mean is an estimate of
the expectation over dropout, which is not the value without dropout: likelihoods under dropout are lower.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
import torch

from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.warmth.dimensions import WARMTH, Dimension
from warmline.warmth.likelihood import Row, mean_log_likelihoods

MAX_TOKENS = 1024
PUBLISHED_CHARACTERS = 300
PUBLISHED_PADDING = 0

# Of one text: a row after each opening of the high pole, and one after each of the low. None for a text without tokens.
Poles = tuple[list[Row], list[Row]]


def score(
    model: Any, tokenizer: Any, texts: Sequence[str], variant: str, dimension: Dimension = WARMTH
) -> pl.DataFrame:
    """The likelihood of each text at the two poles, and SocioT, in order of the texts (nats per token).

    Columns: the poles' names (means over a pole's openings), sociot (their difference) and measurement_standard_error,
    the error of sociot for the choice of openings, were others of their kind chosen: that of a difference of two means
    over openings. It is null where a pole has one opening. All texts share the openings, so that it does not shrink
    with their number. A text without tokens has no score: all is null.

    Raises UserError if the model's likelihoods cannot be had.
    """
    poles = ROWS[variant](tokenizer, texts, dimension)
    return _differences(_likelihoods(model, poles), dimension)


def score_with_dropout(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    passes: int,
    seed: int,
    dimension: Dimension = WARMTH,
) -> pl.DataFrame:
    """As published with its noise: the columns of `score`, from passes in training mode.

    Likelihoods are means over the passes, and the measurement's standard error is that of a difference of two such
    means. The noise depends on the seed and on all texts at once. The model is left in evaluation mode.
    """
    poles = as_published(tokenizer, texts, dimension)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        model.train()
        samples = [_likelihoods(model, poles) for _ in range(passes)]
        model.eval()
    # A pole's likelihood in one pass is the mean over its rows, which have one length, padding included.
    return _differences(
        [
            None if text is None else [[statistics.fmean(one[pole]) for one in passed if one] for pole in (0, 1)]
            for text, passed in zip(poles, zip(*samples, strict=True), strict=True)
        ],
        dimension,
    )


def clean(tokenizer: Any, texts: Sequence[str], dimension: Dimension) -> list[Poles | None]:
    """The rows of the clean variant. All openings of a dimension see the same tokens of a text."""
    openings = [[_opening(tokenizer, opening) for opening in pole] for pole in (dimension.high, dimension.low)]
    longest = max(len(opening) for pole in openings for opening in pole)
    encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []

    def rows(pole: list[list[int]], text: list[int]) -> list[Row]:
        return [Row([*opening, *text], len(opening), len(opening) + len(text)) for opening in pole]

    high, low = openings
    cut = [text[: MAX_TOKENS - longest] for text in encoded]
    return [(rows(high, text), rows(low, text)) if text else None for text in cut]


def as_published(tokenizer: Any, texts: Sequence[str], dimension: Dimension) -> list[Poles | None]:
    """The rows of the variant as published."""

    def rows(pole: Sequence[str], text: str) -> list[Row]:
        quotations = [f'{opening}, "{text[:PUBLISHED_CHARACTERS]}"' for opening in pole]
        encoded = tokenizer(quotations, truncation=True, max_length=MAX_TOKENS)["input_ids"]
        longest = max(len(tokens) for tokens in encoded)
        return [Row([*t, *[PUBLISHED_PADDING] * (longest - len(t))], 1, len(t)) for t in encoded]

    return [(rows(dimension.high_as_published, text), rows(dimension.low, text)) if text else None for text in texts]


ROWS: dict[str, Callable[[Any, Sequence[str], Dimension], list[Poles | None]]] = {
    CLEAN: clean,
    AS_PUBLISHED: as_published,
}


def _opening(tokenizer: Any, opening: str) -> list[int]:
    tokens: list[int] = tokenizer(f'{opening}, "', add_special_tokens=False)["input_ids"]
    return tokens if tokenizer.bos_token_id is None else [tokenizer.bos_token_id, *tokens]


def _likelihoods(model: Any, texts: Sequence[Poles | None]) -> list[tuple[list[float], ...] | None]:
    """The mean log-likelihood of each row, in the form of the rows."""
    rows = [row for poles in texts if poles for pole in poles for row in pole]
    values = iter(mean_log_likelihoods(model, rows))
    return [poles and tuple([*itertools.islice(values, len(pole))] for pole in poles) for poles in texts]


def columns(dimension: Dimension) -> tuple[str, ...]:
    """The names of `score`'s columns."""
    return (*dimension.poles, "sociot", "measurement_standard_error")


def _differences(texts: Iterable[Sequence[Sequence[float]] | None], dimension: Dimension) -> pl.DataFrame:
    """The columns of `score`, from a sample of likelihoods at either pole of each text."""
    high, low = (pl.col(pole) for pole in dimension.poles)
    frame = pl.DataFrame(
        [dict(zip(dimension.poles, poles or (None, None), strict=True)) for poles in texts],
        schema=dict.fromkeys(dimension.poles, pl.List(pl.Float64)),
    )
    return frame.select(
        high.list.mean(),
        low.list.mean(),
        sociot=high.list.mean() - low.list.mean(),
        measurement_standard_error=(high.list.var() / high.list.len() + low.list.var() / low.list.len()).sqrt(),
    )
