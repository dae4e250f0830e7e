"""Joining a respondent's files of answers into few, compressed ones.

Their lines stay as they are. A joined file is there whole before those that it holds are removed, and readers know a
line that stands in both for one. Who is still writing is left alone. A joined file is joined again only with others
that are as long together at least, so that no line is copied often, and its frames are copied as they are.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zstandard

from warmline.calls import answer_files, lines
from warmline.calls.answer_files import FRAME_BYTES, JOINED, NOTES, PLAIN, JoinedFile, PlainFile, Rows
from warmline.lineage import complete_files, digests, processes
from warmline.lineage.errors import UserError

LAST_BYTES = 200
"""More than the last line of a closed file has."""
SILENT_SECONDS = 7 * 86400
"""Of another machine, a writer that has not closed its file is taken to have ended after this long without a line.
Batches take a day."""


def join(folder: Path) -> None:
    """Join what is written in a respondent's folder.

    Raises UserError if the disk is full, or a file is damaged; FileNotFoundError if another process is joining, too.
    """
    there = answer_files.paths(folder, PLAIN, JOINED, NOTES)
    joined = sorted((JoinedFile(path) for path in there if path.name.endswith(JOINED)), key=lambda file: file.lines_end)
    held = {name: file.path for file in joined for name in file.about["files"]}
    # What a joined file holds was left behind by a process that was killed while it joined.
    for path in [path for path in there if held.get(path.name, path) != path]:
        remove(path)
    remaining = [file for file in joined if held.get(file.path.name, file.path) == file.path]
    parts: list[PlainFile | JoinedFile] = [
        PlainFile(path)
        for path in there
        if not path.name.endswith(JOINED) and path.name not in held and is_written(path)
    ]
    size = sum(part.path.stat().st_size for part in parts)
    if not size:
        return
    for file in remaining:
        if file.lines_end <= size:
            parts.append(file)
            size += file.lines_end
    try:
        _write(folder, parts)
    except UserError as error:
        gone = [part.path for part in parts if not part.path.exists()]
        if gone:
            raise FileNotFoundError(gone[0]) from error
        raise
    for part in parts:
        remove(part.path)


def remove(path: Path) -> None:
    """Remove a file of answers, and what stands beside it."""
    path.unlink(missing_ok=True)
    if path.name.endswith(PLAIN):
        answer_files.index_path(path).unlink(missing_ok=True)
        path.with_name(path.name.removesuffix(PLAIN) + ".keys.parquet").unlink(missing_ok=True)


def is_written(path: Path) -> bool:
    """Whether nobody will write to a file any more: its writer has closed it, or has ended."""
    with open(path, "rb") as file:
        writer = lines.writer_in(file.readline(), path)
        file.seek(-min(os.fstat(file.fileno()).st_size, LAST_BYTES), os.SEEK_END)
        last = file.read()
        silent = time.time() - os.fstat(file.fileno()).st_mtime
    return lines.is_end(last[last.rfind(b"\n", 0, -1) + 1 :]) or processes.has_ended(writer) or silent > SILENT_SECONDS


class _JoinedFileWriter:
    """Writes a joined file: frames of lines, and at the end what it holds."""

    def __init__(self, file: BinaryIO) -> None:
        self.end = 0
        """Where the next line begins among all."""
        self._file = file
        self._frames: list[tuple[int, int, int]] = []
        self._compressor = zstandard.ZstdCompressor()

    def add_lines(self, content: bytes) -> None:
        """Write whole lines as one frame."""
        self._add(self.end, self._compressor.compress(content))
        self.end += len(content)

    def add_frames(self, part: JoinedFile) -> None:
        """Copy the frames of a joined file as they are."""
        with open(part.path, "rb") as source:
            for frame in part.frames:
                source.seek(int(frame["offset"]))
                self._add(self.end + int(frame["begin"]), source.read(int(frame["length"])))
        self.end += part.lines_end

    def _add(self, begin: int, frame: bytes) -> None:
        self._frames.append((begin, self._file.tell(), len(frame)))
        self._file.write(frame)

    def close(self, rows: Rows, about: dict[str, Any]) -> None:
        """Write the index, and have all of it on disk."""
        self._file.write(answer_files.joined_end(rows, self._frames, about, self._file.tell(), self.end))
        self._file.flush()
        os.fsync(self._file.fileno())


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[_JoinedFileWriter]:
    with complete_files.replacing(path) as partial, open(partial, "wb") as file:
        yield _JoinedFileWriter(file)


def _write(folder: Path, parts: Sequence[PlainFile | JoinedFile]) -> None:
    names = sorted({name for part in parts for name in [part.path.name, *_about(part)["files"]]})
    writers: list[dict[str, Any]] = []
    rows: list[Rows] = []
    notes: list[tuple[int, int]] = []
    # The name is that of what is joined: who joins the same at once makes the same file.
    with _writing(folder / f"{digests.of_value(names)[:16]}{JOINED}") as joined:
        for part in parts:
            about, begin = _about(part), joined.end
            if isinstance(part, JoinedFile):
                joined.add_frames(part)
            else:
                if part.path.name.endswith(PLAIN):
                    part.refresh()
                for block in _in_blocks(part.all_lines()):
                    joined.add_lines(b"".join(line for _, line in block))
            own = part.all_rows().copy()
            own["writer"] += len(writers)
            own["offset"] += begin
            rows.append(own)
            writers += about["writers"]
            notes += [(begin + offset, length) for offset, length in about["notes"]]
        joined.close(answer_files.together(rows), {"files": names, "writers": writers, "notes": notes})


def _about(part: PlainFile | JoinedFile) -> dict[str, Any]:
    if isinstance(part, JoinedFile):
        return part.about
    with open(part.path, "rb") as file:
        about: dict[str, Any] = {"files": [], "writers": [lines.writer_in(file.readline(), part.path)], "notes": []}
    if part.path.name.endswith(NOTES):
        written = answer_files.complete_lines(part.path, 0)
        about["notes"] = [(offset, len(line)) for offset, line in written if lines.is_note(line)]
    return about


def drop_all_but(folder: Path, keys: Set[bytes]) -> int:
    """Remove the answers of a respondent that are not of these keys, and failures, from files that are written.

    Returns how many answers were removed. Raises UserError if the disk is full, or a file is damaged.
    """
    with contextlib.suppress(FileNotFoundError):
        join(folder)
    dropped = 0
    for path in answer_files.paths(folder, JOINED):
        part = JoinedFile(path)
        rows = part.all_rows()
        is_kept = np.array([line.tobytes()[:32] in keys for line in rows["line"]], bool)
        if not is_kept.all():
            dropped += int((~is_kept).sum())
            _write_some(part, rows[is_kept], folder)
            remove(path)
    return dropped


def _write_some(part: JoinedFile, rows: Rows, folder: Path) -> None:
    """Write those of a file's lines that are no calls, and those of some rows.

    What is written holds no file whole: one that is put back from a copy is not taken for superfluous.
    """
    wanted, moved = set(rows["offset"].tolist()), {}
    name = digests.of_value([part.path.name, digests.of_value(sorted(wanted))])[:16]
    with _writing(folder / f"{name}{JOINED}") as joined:
        for block in _in_blocks((offset, line) for offset, line in part.all_lines() if _stays(offset, line, wanted)):
            begin = joined.end
            for offset, line in block:
                moved[offset] = begin
                begin += len(line)
            joined.add_lines(b"".join(line for _, line in block))
        kept = rows.copy()
        kept["offset"] = [moved[offset] for offset in kept["offset"].tolist()]
        notes = [(moved[offset], length) for offset, length in part.about["notes"]]
        joined.close(kept, {"files": [], "writers": part.about["writers"], "notes": notes})


def _stays(offset: int, line: bytes, wanted: Set[int]) -> bool:
    return offset in wanted or not lines.is_call(line)


def _in_blocks(found: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Lines with their places, about as many bytes at a time as a frame is to hold."""
    block: list[tuple[int, bytes]] = []
    size = 0
    for offset, line in found:
        block.append((offset, line))
        size += len(line)
        if size >= FRAME_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block
