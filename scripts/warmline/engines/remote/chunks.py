"""The lines of batches, in files without a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warmline.calls.spool import nameless_file


class Chunk:
    """The lines of one batch in a file, and their keys in the same order. `size` is in bytes."""

    def __init__(self) -> None:
        self.file = nameless_file()
        self.keys: list[bytes] = []
        self.size = 0

    def add(self, key: bytes, line: bytes) -> None:
        self.file.write(line)
        self.keys.append(key)
        self.size += len(line)


def chunks(lines: Iterable[tuple[bytes, bytes]], most_rows: int, most_bytes: int) -> Iterator[Chunk]:
    """Keys and lines, in order, in chunks that are full when they come; each line by itself fits in one."""
    chunk = Chunk()
    for key, line in lines:
        if chunk.keys and (len(chunk.keys) == most_rows or chunk.size + len(line) > most_bytes):
            yield chunk
            chunk = Chunk()
        chunk.add(key, line)
    if chunk.keys:
        yield chunk
