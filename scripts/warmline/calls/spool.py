"""Requests that wait on disk: rows that are answered in hours, or by another job, are not kept in memory.

The files have no name, so that nothing is left of them however the process ends.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from warmline.calls.requests import Request


class Spool:
    """Requests by key, at about 150 bytes of memory each."""

    def __init__(self) -> None:
        # Only this process can write the file that it unpickles.
        self._file = nameless_file()
        self._offsets: dict[bytes, int] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._offsets

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, key: bytes, request: Request) -> None:
        self._offsets[key] = self._file.seek(0, 2)
        pickle.dump(request, self._file, pickle.HIGHEST_PROTOCOL)

    def read(self, key: bytes) -> Request:
        """The request with a key, as it was added. Raises KeyError if there is none."""
        self._file.seek(self._offsets[key])
        request: Request = pickle.load(self._file)
        return request

    def take(self, key: bytes) -> Request:
        """The request with a key, which the spool no longer holds afterwards."""
        request = self.read(key)
        del self._offsets[key]
        return request

    def close(self) -> None:
        self._file.close()


def nameless_file() -> BinaryIO:
    """A temporary file that is gone once it is closed."""
    return cast(BinaryIO, tempfile.TemporaryFile())
