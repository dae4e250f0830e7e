"""The CSV tables of statistics and counts, read with the same types whatever they hold.

A type guessed from the data would change with it: a column without a single value reads as text. So a column's type
follows from its name, and every table of a study uses a name for one thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from warmline.errors import UserError, bad_row

CONDITIONS = frozenset({"model", "arm", "persona", "task", "context", "context_group", "belief", "framing"})
CALLS = frozenset({"role", "suite", "asked", "shutdown_date"})
CHECKS = frozenset({"check", "examples", "beginnings"})
TRAINING_DATA = frozenset({"query_type", "as_published", "corrected", "kind"})
WARMTH = frozenset({"variant", "marker", "expected", "verdict", "published"})
STATISTICS = frozenset({"refusals_are", "stated", "measure", "family", "set", "stage", "outcome"})
EFFECTS = frozenset({"analysis", "term", "subset", "contrast", "state"})
INFERENCE = frozenset({"regression", "factor", "errors"})
PUBLISHED = frozenset({"id", "over", "level", "beliefs"})
TEXT = CONDITIONS | CALLS | CHECKS | TRAINING_DATA | WARMTH | STATISTICS | EFFECTS | INFERENCE | PUBLISHED
TOKENS = frozenset({"answers", "prompt_tokens", "completion_tokens", "new"})
DRAWN = frozenset({"conversations", "replies", "prompts", "intact", "facts", "survived", "added"})
ANSWERED = frozenset({"n", "unscored", "correct", "truncated", "refusals", "refusals_as_published"})
TRAINED = frozenset({"run", "step", "tokens", "target_tokens"})
PAIRED = frozenset({"cells", "original_right", "treated_right", "published_pairs", "published_b", "published_c"})
COUNT = (
    PAIRED
    | TOKENS
    | DRAWN
    | ANSWERED
    | TRAINED
    | {"pairs", "questions", "b", "c", "gained", "lost", "tests", "clusters", "rows", "degrees_of_freedom"}
)


def read(path: str | Path, required: Iterable[str]) -> pl.DataFrame:
    """Read a CSV table: the columns of `TEXT` as text, of `COUNT` as whole numbers, all others as numbers.

    An empty field is null, and so is "NaN". Raises UserError if the file or one of the required columns is missing, or
    if a field of a numeric column is not a number.
    """
    frame = read_as_printed(path, required)
    return frame.with_columns(_typed(frame[name], path) for name in frame.columns if name not in TEXT)


def read_as_printed(path: str | Path, required: Iterable[str]) -> pl.DataFrame:
    """Read a CSV table with every field as text, so that 0.50 stays 0.50. An empty field is null.

    Raises UserError if the file or one of the required columns is missing.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Build it with snakemake.") from error
    except pl.exceptions.NoDataError as error:
        raise UserError(f"{path} is empty; expected at least a line of column names. Rebuild it.") from error
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise UserError(f"{path}: the columns {missing} are missing, found {frame.columns}. Rebuild it.")
    return frame


def _typed(column: pl.Series, path: str | Path) -> pl.Series:
    dtype, expected = (pl.Int64, "a whole number") if column.name in COUNT else (pl.Float64, "a number")
    typed = column.cast(dtype, strict=False)
    bad = (typed.is_null() & column.is_not_null()).arg_true()
    if len(bad):
        raise bad_row(path, bad[0] + 1, f"{column.name} is {column[bad[0]]!r}", expected)
    return typed.fill_nan(None) if dtype == pl.Float64 else typed
