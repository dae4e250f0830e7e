"""The one exception for mistakes that a user can mend."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """A mistake in a configuration, template or data file, in words that let its author correct it.

    Scripts print the message without a traceback and end with status 1.
    """


class NotHere(UserError):
    """Something from outside that is not on this machine and cannot be had now, so that nothing can be said of it."""


def bad_row(path: str | Path, row: int | str, found: str, expected: str) -> UserError:
    """The error for one malformed row: file, row (counted from 1, or an id), what was found and what was expected."""
    return UserError(f"{path}, row {row}: {found}. Expected {expected}. Correct the row or remove it.")


def damaged(path: str | Path, what: str, error: Exception) -> UserError:
    """The error for a file of the study that cannot be read as what it is."""
    return UserError(
        f"{path} cannot be read as {what} ({str(error)[:200]}). It was damaged after it was made: run snakemake again, "
        "which makes it again."
    )
