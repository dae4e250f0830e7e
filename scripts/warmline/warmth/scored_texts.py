"""Score the texts of any CSV file by SocioT: `warmline warmth texts.csv --column text`.

Every row comes out with the columns it had, as text, and the scores beside them. A file of any size is scored a
thousand rows at a time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from transformers.utils import logging

from warmline.lineage.errors import UserError
from warmline.lineage.places import WORKFLOW
from warmline.models import weights
from warmline.models.cards import Weights
from warmline.warmth import sociot
from warmline.warmth.dimensions import Dimension

ROWS = 1000
SEED = 0

_AT_THE_HUB = re.compile(r"(?P<hub>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")

Measure = Callable[[Sequence[str]], pl.DataFrame]


def read(path: Path, column: str, dimension: Dimension) -> pl.LazyFrame:
    """The file, not read yet but for its line of names; all columns are text.

    Raises UserError if it cannot be read, has no column of this name, or has one of a score's name.
    """
    with _reading(path):
        file = pl.scan_csv(path, infer_schema=False)
        columns = file.collect_schema().names()
    if column not in columns:
        raise UserError(f"{path}: no column {column}. Its columns are {columns}; name one with --column.")
    if taken := [name for name in sociot.columns(dimension) if name in columns]:
        raise UserError(f"{path}: it already has the columns {taken}, which the scores are to have. Rename them.")
    return file


def paper_scorer() -> str:
    """The article's scorer, as its configuration pins it."""
    config = yaml.safe_load((WORKFLOW / "config/paper.yaml").read_text(encoding="utf-8"))
    source = config["models"][config["warmth"]["model"]]["source"]
    return f"{source['hub']}@{source['revision']}"


def fetch(named: str, store: Path) -> Weights:
    """The weights of a model named on the command line: a local folder, or organisation/name@commit at the hub.

    Raises UserError if it is neither, or is not to be had.
    """
    found = _AT_THE_HUB.fullmatch(named)
    if not found and not Path(named).is_dir():
        raise UserError(
            f"--model {named} is no folder. Name a folder as save_pretrained writes it, or a model of the Hugging Face "
            "hub as organisation/name@commit, with the commit's 40 digits."
        )
    return weights.fetch(found.groupdict() if found else {"folder": named}, store)


def measure(scorer: Weights, precision: str, variant: str, dimension: Dimension, passes: int | None) -> Measure:
    """What scores texts: one variant of one dimension, or `passes` passes with the public code's dropout."""
    disable_progress_bar: Any = logging.disable_progress_bar
    disable_progress_bar()
    model: Any = weights.for_inference(weights.load_model(scorer, precision, weights.default_device()))
    tokenizer = weights.load_tokenizer(scorer, chats=False)
    if passes:
        return lambda texts: sociot.score_with_dropout(model, tokenizer, texts, passes, SEED, dimension)
    return lambda texts: sociot.score(model, tokenizer, texts, variant, dimension)


def scored(file: pl.LazyFrame, path: Path, column: str, measure: Measure) -> Iterator[pl.DataFrame]:
    """The file's rows with their scores, in order, up to ROWS at a time; at first a frame without rows.

    A missing text has no score, as an empty one. Raises UserError, naming `path`, if it cannot be read to its end.
    """
    with _reading(path):
        yield file.limit(0).collect().hstack(measure([]))
        for rows in file.collect_batches(chunk_size=ROWS):
            yield rows.hstack(measure(rows[column].fill_null("").to_list()))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Name a CSV file.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}. Expected CSV in UTF-8 with a line of names.") from error
