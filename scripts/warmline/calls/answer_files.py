"""The files that hold a respondent's answers, and the row that an index has for each answer.

A process that asks writes `<name>.answers.jsonl`, line by line, and beside it `<name>.answers.index`, the rows of what
stands there so far; what no row covers is scanned. A reader makes the index of a long file that has none. When all is
written, such files are joined into one (warmline.calls.joining), `<digest>.answers.jsonl.zst`: their lines, unchanged,
in frames of zstd that any reader of .zst takes, and the rows, sorted by key, in a last frame that such readers skip.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from warmline.calls import lines
from warmline.calls.requests import Response
from warmline.lineage import complete_files
from warmline.lineage.errors import UserError

PLAIN = ".answers.jsonl"
JOINED = ".answers.jsonl.zst"
NOTES = ".notes.jsonl"
INDEX = ".answers.index"
# Scanning a file this long takes milliseconds: an index beside it would save nothing.
UNINDEXED_BYTES = 1_000_000
FRAME_BYTES = 1 << 18
"""So many bytes of lines are compressed together: a few hundred calls, which a projection reads one after the other."""

UNWRITTEN_ROWS = 256
"""So many rows at most a file is before its index: others read these answers line by line."""
LONGEST_REASON = 24
# `prefix` are the first 8 bytes of the key. `line` is what a receipt is a digest of. A finish reason that does not fit
# is left empty, and is read in the answer.
ROW = np.dtype(
    {
        "names": [
            *("key", "prefix", "digest", "line", "time", "offset", "length", "writer"),
            *("prompt_tokens", "completion_tokens", "finish_reason"),
        ],
        "formats": ["S32", ">u8", "V32", "V64", "<i8", "<u8", "<u4", "<u4", "<u4", "<u4", f"S{LONGEST_REASON}"],
        "offsets": [0, 0, 32, 0, 64, 72, 80, 84, 88, 92, 96],
        "itemsize": 120,
    }
)
"""An answer in an index: key and digest; time in microseconds since 1970; where its line begins among all lines of the
file, and its bytes; the number of its writer in the file; its tokens, and how it ended."""
Rows = npt.NDArray[Any]
Keys = npt.NDArray[np.bytes_]
"""Keys of 32 bytes each."""
Places = npt.NDArray[np.intp]
# In which rows are put together: numpy would do it field by field.
_WHOLE = np.dtype(f"V{ROW.itemsize}")
_PACKED = struct.Struct(f"<32s32sqQIIII{LONGEST_REASON}s")

_MAGIC = b"warmline index 1"
_FRAME = np.dtype([("begin", "<u8"), ("offset", "<u8"), ("length", "<u4")])
# By the format of zstd (RFC 8878, 3.1.2), a frame of this number is skipped.
_SKIPPED = 0x184D2A50
_FOOTER = struct.Struct("<QQQQQ16s")


def packed(written: lines.Written, response: Response, offset: int) -> bytes:
    """The row of an answer that the one writer of a plain file wrote at an offset."""
    reason = response.finish_reason.encode("utf-8")
    tokens = (min(max(number, 0), 2**32 - 1) for number in (response.prompt_tokens, response.completion_tokens))
    return _PACKED.pack(
        *(written.key, written.digest, written.time, offset, len(written.line), 0, *tokens),
        reason if len(reason) <= LONGEST_REASON else b"",
    )


def together(parts: Iterable[Rows]) -> Rows:
    """Rows one after the other."""
    return np.concatenate([np.empty(0, _WHOLE), *(part.view(_WHOLE) for part in parts)]).view(ROW)


class PlainFile:
    """A file that a process writes, or wrote, its answers to, as far as it has been read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: Rows = np.empty(0, ROW)
        self.end = 0
        """The byte behind the last complete line that was read."""
        self._index_end = len(_MAGIC)

    def refresh(self) -> bool:
        """Take in what was written since. True if there are more answers.

        Raises UserError for a damaged line, and if the file has lost answers; FileNotFoundError if it is gone.
        """
        before = len(self.rows)
        indexed = self._indexed()
        if len(indexed):
            self.end = int(indexed["offset"][-1]) + int(indexed["length"][-1])
        size = self._size()
        if size < self.end:
            raise UserError(
                f"{self.path} has {size} bytes, but had {self.end} when {index_path(self.path).name} was made: answers "
                f"have been lost. Put the file back from a copy; or delete {index_path(self.path).name}: what was lost "
                "is then asked again."
            )
        begin = self.end
        scanned, self.end = scan(self.path, begin) if size > begin else (self.rows[:0], begin)
        parts = [part for part in (self.rows, indexed, scanned) if len(part)]
        # Most often the index is all that there is: megabytes, which are not copied.
        self.rows = parts[0] if len(parts) == 1 else together(parts)
        if len(scanned) and self.end - begin > UNINDEXED_BYTES and not index_path(self.path).exists():
            # Who may not write here reads it all the next time, too.
            with contextlib.suppress(UserError), complete_files.replacing(index_path(self.path)) as partial:
                partial.write_bytes(_MAGIC + self.rows.tobytes())
                self._index_end = len(_MAGIC) + self.rows.nbytes
        return len(self.rows) > before

    def _size(self) -> int:
        with open(self.path, "rb") as file:
            return os.fstat(file.fileno()).st_size

    def _indexed(self) -> Rows:
        """The rows that the index has beyond what was read; none if there is no index that can be read."""
        try:
            with open(index_path(self.path), "rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    return self.rows[:0]
                file.seek(self._index_end)
                content = file.read()
        except FileNotFoundError:
            return self.rows[:0]
        rows = np.frombuffer(content[: len(content) // ROW.itemsize * ROW.itemsize], ROW)
        self._index_end += rows.nbytes
        # Without what was scanned before the writer had written its index up to there.
        return rows[np.searchsorted(rows["offset"], self.end) :]

    def find(self, keys: Keys) -> tuple[Places, Rows]:
        """The rows of keys, which are sorted and each there once: the place among these, and the row."""
        if not len(keys):
            return np.empty(0, np.intp), self.rows[:0]
        # Numbers are compared in a fraction of the time that keys are.
        likely = self.rows[_places(self.rows["prefix"].astype(np.uint64), _prefixes_of(keys))[1]]
        places, found = _places(likely["key"], keys)
        return places, likely[found]

    def endpoint(self, writer: int) -> str | None:
        """The URL that the file's writer asked."""
        return _endpoint(self.path)

    def lines(self, rows: Rows) -> Iterator[bytes]:
        """The lines of rows of this file, in their order."""
        with open(self.path, "rb") as file:
            for offset, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
                yield os.pread(file.fileno(), length, offset)

    def all_rows(self) -> Rows:
        """Every row that was read."""
        return self.rows

    def has_rows(self, rows: Rows) -> bool:
        """Whether the rows are those that were read, and further ones, given those of all lines."""
        return _alike(self.rows, rows[: len(self.rows)])

    def all_lines(self) -> Iterator[tuple[int, bytes]]:
        """Every complete line, and where it begins."""
        return complete_lines(self.path, 0)


class JoinedFile:
    """A file of joined files. It is never changed, and what is read of it is what is needed.

    Raises UserError if its index is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            try:
                file.seek(-_FOOTER.size, os.SEEK_END)
                self.height, frames, about, frames_end, self.lines_end, magic = _FOOTER.unpack(file.read())
                if magic != _MAGIC:
                    raise ValueError
                self._prefixes_begin = frames_end + 8
                self._rows_begin = self._prefixes_begin + 8 * self.height
                file.seek(self._rows_begin + ROW.itemsize * self.height)
                self.frames: Rows = np.frombuffer(file.read(_FRAME.itemsize * frames), _FRAME)
                self.about: dict[str, Any] = json.loads(file.read(about))
                """`files`, the names of those that were joined; `writers`, what the first line of each says; `notes`,
                where each note begins among all lines, and its bytes."""
            except (ValueError, OSError, struct.error) as error:
                raise UserError(
                    f"{path}: the end of this file of the ledger is damaged. {lines.remedy(path)}"
                ) from error

    def refresh(self) -> bool:
        """There is never more."""
        return False

    @functools.cached_property
    def _prefixes(self) -> npt.NDArray[np.uint64]:
        with open(self.path, "rb") as file:
            return np.frombuffer(os.pread(file.fileno(), 8 * self.height, self._prefixes_begin), np.uint64)

    def all_rows(self) -> Rows:
        """Every row, sorted by key."""
        with open(self.path, "rb") as file:
            return np.frombuffer(os.pread(file.fileno(), ROW.itemsize * self.height, self._rows_begin), ROW)

    def has_rows(self, rows: Rows) -> bool:
        """Whether its rows are these, those of all lines, and in the order in which they are searched."""
        own = self.all_rows()
        in_order = (own["prefix"] == self._prefixes).all() and (self._prefixes[1:] >= self._prefixes[:-1]).all()
        return bool(in_order) and _alike(own[np.argsort(own["offset"])], rows)

    def find(self, keys: Keys) -> tuple[Places, Rows]:
        """The rows of keys, which are sorted and each there once: the place among these, and the row."""
        prefixes = _prefixes_of(keys)
        first = np.searchsorted(self._prefixes, prefixes, "left")
        number = np.searchsorted(self._prefixes, prefixes, "right") - first
        places = np.repeat(np.arange(len(keys)), number)
        # The first row of each key, and those behind it.
        behind = np.arange(len(places)) - np.repeat(np.cumsum(number) - number, number)
        rows = self._rows(first[places] + behind)
        same = rows["key"] == keys[places]
        return places[same], rows[same]

    def _rows(self, numbers: Places) -> Rows:
        if len(numbers) * 16 > self.height:
            return self.all_rows()[numbers]
        with open(self.path, "rb") as file:
            size = ROW.itemsize
            parts = [os.pread(file.fileno(), size, self._rows_begin + size * number) for number in numbers.tolist()]
        return np.frombuffer(b"".join(parts), ROW)

    def endpoint(self, writer: int) -> str | None:
        """The URL that one of the writers asked."""
        endpoint: str | None = self.about["writers"][writer].get("endpoint")
        return endpoint

    def lines(self, rows: Rows) -> Iterator[bytes]:
        """The lines of rows of this file, in their order. Raises UserError if they cannot be read."""
        content, begin = b"", -1
        with open(self.path, "rb") as file:
            for offset, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
                if not begin <= offset < begin + len(content):
                    frame = self.frames[np.searchsorted(self.frames["begin"], offset, "right") - 1]
                    begin, content = int(frame["begin"]), self._frame(file.fileno(), frame)
                yield content[offset - begin : offset - begin + length]

    def notes(self) -> Iterator[tuple[int, bytes]]:
        """What engines noted, and where it begins among all lines."""
        rows = np.zeros(len(self.about["notes"]), ROW)
        rows["offset"], rows["length"] = zip(*self.about["notes"], strict=True) if len(rows) else ((), ())
        yield from zip(rows["offset"].tolist(), self.lines(rows), strict=True)

    def all_lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line, and where it begins among all of them."""
        with open(self.path, "rb") as file:
            for frame in self.frames:
                begin = int(frame["begin"])
                for line in io.BytesIO(self._frame(file.fileno(), frame)):
                    yield begin, line
                    begin += len(line)

    def _frame(self, descriptor: int, frame: Any) -> bytes:
        try:
            content = os.pread(descriptor, int(frame["length"]), int(frame["offset"]))
            return zstandard.ZstdDecompressor().decompress(content)
        except zstandard.ZstdError as error:
            raise lines.damaged(self.path, int(frame["begin"])) from error


AnswerFile = PlainFile | JoinedFile


def _alike(one: Rows, other: Rows) -> bool:
    """Whether rows are the same but for the number of their writer, which a line does not say."""
    names = ("line", "time", "offset", "length", "prompt_tokens", "completion_tokens", "finish_reason")
    return len(one) == len(other) and all((one[name] == other[name]).all() for name in names)


def _prefixes_of(keys: Keys) -> npt.NDArray[np.uint64]:
    return keys.view(">u8")[::4].astype(np.uint64)


def _places(values: npt.NDArray[Any], known: npt.NDArray[Any]) -> tuple[Places, Places]:
    """Of the values that are known, the place among the known ones, which are sorted, and that of the value."""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    found = np.flatnonzero(known[places] == values)
    return places[found], found


def index_path(answers: Path) -> Path:
    """The index of a plain file."""
    return answers.with_name(answers.name.removesuffix(PLAIN) + INDEX)


def opened(path: Path) -> AnswerFile:
    """A file of answers, of either kind."""
    return JoinedFile(path) if path.name.endswith(JOINED) else PlainFile(path)


def paths(folder: Path, *kinds: str) -> list[Path]:
    """The files of some kinds in a respondent's folder; by default, those of answers."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.endswith(kinds or (PLAIN, JOINED))]


def complete_lines(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """The lines from byte `start` on, each with its place; a last line without its line feed was torn.

    The file may grow meanwhile: what is read behind a torn line may be its rest.
    """
    with open(path, "rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield start, line
            start += len(line)


def scan(path: Path, start: int) -> tuple[Rows, int]:
    """The rows of the answers from byte `start` on, and the byte behind the last complete line.

    Raises UserError for a damaged line.
    """
    found, end = bytearray(), start
    for offset, line in complete_lines(path, start):
        end = offset + len(line)
        if lines.is_answer(line):
            found += row_of(line, path, offset)
        elif not lines.is_other(line):
            raise lines.damaged(path, offset)
    return np.frombuffer(bytes(found), ROW), end


def row_of(line: bytes, path: Path, offset: int) -> bytes:
    """The row of an answer's line. Raises UserError for a damaged one."""
    answer = lines.answer(line, path, offset)
    try:
        written = lines.Written(line, lines.key_of(line), answer.digest, lines.time_of(line))
    except ValueError as error:
        raise lines.damaged(path, offset) from error
    return packed(written, answer.response, offset)


@functools.cache
def _endpoint(path: Path) -> str | None:
    with open(path, "rb") as file:
        endpoint: str | None = lines.writer_in(file.readline(), path).get("endpoint")
    return endpoint


class IndexWriter:
    """Writes the index of a plain file, which lags behind it by some rows.

    It is there before the file is, so that no reader makes another.
    """

    def __init__(self, answers: Path) -> None:
        self._path = index_path(answers)
        self._pending = bytearray(_MAGIC)
        self.write()

    def add(self, row: bytes) -> bool:
        """Take in the row of an answer that stands in the file by now. True once it is time to write."""
        self._pending += row
        return len(self._pending) > UNWRITTEN_ROWS * ROW.itemsize

    def write(self) -> None:
        """Write what was taken in. The answers must be on disk: other hosts would miss them."""
        with open(self._path, "ab") as file:
            file.write(self._pending)
        self._pending.clear()


def joined_end(
    rows: Rows, frames: Sequence[tuple[int, int, int]], about: dict[str, Any], frames_end: int, lines_end: int
) -> bytes:
    """The last frame of a joined file: its rows, its frames (begin among all lines, offset, length), and what it holds.

    The frames end at one byte of the file, and the lines at one of all lines.
    """
    rows = rows[np.lexsort([rows["time"], rows["prefix"]])]
    said = json.dumps(about, ensure_ascii=False).encode("utf-8", "surrogatepass")
    content = b"".join(
        [
            rows["prefix"].astype(np.uint64).tobytes(),
            rows.tobytes(),
            np.array(frames, _FRAME).tobytes(),
            said,
            _FOOTER.pack(len(rows), len(frames), len(said), frames_end, lines_end, _MAGIC),
        ]
    )
    return struct.pack("<II", _SKIPPED, len(content)) + content
