"""Files and folders that are there whole or not at all, even if two jobs write one or a job is killed meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from warmline.lineage.errors import UserError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file of this process alone to write, which takes the place of `path` in one step when all went well.

    Raises UserError if it cannot be written.
    """
    partial = _partial(path)
    with _naming(path):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """An empty folder of this process alone to fill, which becomes `folder` in one step when all went well.

    Raises UserError if it cannot be filled.
    """
    partial = _partial(folder)
    try:
        with _naming(folder):
            # What a killed process of the same number has left is no part of this one's.
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 so that no reader sees half of it. Raises UserError if it cannot be written."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def create_text(path: Path, text: str) -> bool:
    """Write a text in UTF-8 where there is no file yet; False if there is one. Of two processes at once one wins."""
    partial = _partial(path)
    with _naming(path):
        try:
            partial.write_text(text, encoding="utf-8")
            os.link(partial, path)
        except FileExistsError:
            return False
        finally:
            partial.unlink(missing_ok=True)
    return True


def _partial(path: Path) -> Path:
    """The name that this process writes under. With the host's name, as hosts that share a disk share numbers."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.partial")


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Errors of the disk have a number; libraries raise errors of their own under this name, which have none.
        if error.errno is None:
            raise
        raise UserError(f"{path} cannot be written: {error}. Make room or permit it, or name another place.") from error
