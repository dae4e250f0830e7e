"""Joining a respondent's files of answers into few, compressed ones.

Their lines stay as they are. A joined file is there whole before those that it holds are removed, and readers know a
line that stands in both for one. Who is still writing is left alone. A joined file is joined again only with others
that are as long together at least, so that no line is copied often, and its frames are copied as they are.
"""

from __future__ import annotations

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

LAST_BYTES = 200
"""More than the last line of a closed file has."""
SILENT_SECONDS = 7 * 86400
"""Of another machine, a writer that has not closed its file is taken to have ended after this long without a line.
Batches take a day."""


def join(folder: Path) -> None:
    """Join what is written in a respondent's folder. Raises UserError if the disk is full, or a file is damaged."""
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
    _write(folder, parts)
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


def _write(folder: Path, parts: Sequence[PlainFile | JoinedFile]) -> None:
    names = sorted({name for part in parts for name in [part.path.name, *_about(part)["files"]]})
    writers: list[dict[str, Any]] = []
    rows: list[Rows] = []
    frames: list[tuple[int, int, int]] = []
    notes: list[tuple[int, int]] = []
    begin = 0
    # The name is that of what is joined: who joins the same at once makes the same file.
    path = folder / f"{digests.of_value(names)[:16]}{JOINED}"
    with complete_files.replacing(path) as partial, open(partial, "wb") as file:
        for part in parts:
            own, end = _copied(part, file, frames, begin)
            own["writer"] += len(writers)
            own["offset"] += begin
            rows.append(own)
            about = _about(part)
            writers += about["writers"]
            notes += [(begin + offset, length) for offset, length in about["notes"]]
            begin = end
        about = {"files": names, "writers": writers, "notes": notes}
        file.write(answer_files.joined_end(answer_files.together(rows), frames, about, file.tell(), begin))
        file.flush()
        os.fsync(file.fileno())


def _about(part: PlainFile | JoinedFile) -> dict[str, Any]:
    if isinstance(part, JoinedFile):
        return part.about
    with open(part.path, "rb") as file:
        about: dict[str, Any] = {"files": [], "writers": [lines.writer_in(file.readline(), part.path)], "notes": []}
    if part.path.name.endswith(NOTES):
        written = answer_files.complete_lines(part.path, 0)
        about["notes"] = [(offset, len(line)) for offset, line in written if lines.is_note(line)]
    return about


def _copied(
    part: PlainFile | JoinedFile, file: BinaryIO, frames: list[tuple[int, int, int]], begin: int
) -> tuple[Rows, int]:
    """Copy the lines of a file. Returns its rows, and where its lines end among all."""
    if isinstance(part, PlainFile):
        part.refresh()
        compressor = zstandard.ZstdCompressor()
        for content in _blocks(part):
            frame = compressor.compress(content)
            frames.append((begin, file.tell(), len(frame)))
            file.write(frame)
            begin += len(content)
        return part.rows.copy(), begin
    with open(part.path, "rb") as source:
        for frame in part.frames:
            source.seek(int(frame["offset"]))
            frames.append((begin + int(frame["begin"]), file.tell(), int(frame["length"])))
            file.write(source.read(int(frame["length"])))
    return part.all_rows().copy(), begin + part.lines_end


def _blocks(part: PlainFile) -> Iterator[bytes]:
    """Complete lines, about as many bytes at a time as a frame is to hold."""
    with open(part.path, "rb") as file:
        left = part.end
        while left > 0:
            content = file.read(min(FRAME_BYTES, left))
            if len(content) < left:
                content += file.readline(left - len(content))
            left -= len(content)
            yield content


def drop_all_but(folder: Path, keys: Set[bytes]) -> int:
    """Remove the answers of a respondent that are not of these keys, and failures, from files that are written.

    Returns how many answers were removed. Raises UserError if the disk is full, or a file is damaged.
    """
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
    """Write those of a file's lines that are no calls, and those of some rows."""
    wanted, moved = set(rows["offset"].tolist()), {}
    frames: list[tuple[int, int, int]] = []
    names = sorted([part.path.name, *part.about["files"]])
    path = folder / f"{digests.of_value([*names, digests.of_value(sorted(wanted))])[:16]}{JOINED}"
    compressor, end = zstandard.ZstdCompressor(), 0
    with complete_files.replacing(path) as partial, open(partial, "wb") as file:
        for block in _in_blocks((offset, line) for offset, line in part.all_lines() if _stays(offset, line, wanted)):
            frame = compressor.compress(b"".join(line for _, line in block))
            frames.append((end, file.tell(), len(frame)))
            file.write(frame)
            for offset, line in block:
                moved[offset] = end
                end += len(line)
        rows = rows.copy()
        rows["offset"] = [moved[offset] for offset in rows["offset"].tolist()]
        notes = [(moved[offset], length) for offset, length in part.about["notes"]]
        about = {"files": names, "writers": part.about["writers"], "notes": notes}
        file.write(answer_files.joined_end(rows, frames, about, file.tell(), end))
        file.flush()
        os.fsync(file.fileno())


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
