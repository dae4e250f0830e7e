"""The ledger: an append-only record of every model call, shared by all studies (lineage rule 6).

One folder per respondent holds JSON lines, one file per writing process, flushed line by line. A process that is
killed loses at most the line it was writing: a torn last line is ignored. Lines are never rewritten, so the files are
safe on NFS and Lustre without locks. When a run has ended, its files are joined (warmline.calls.joining).
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from warmline.calls import answer_files, joining, lines
from warmline.calls.answered import Answered
from warmline.calls.requests import Failure, Request, Respondent, Response
from warmline.lineage import complete_files, digests, processes
from warmline.lineage.errors import UserError

ANSWERS = answer_files.PLAIN
NOTES = answer_files.NOTES


class Ledger:
    """All answers that a folder holds.

    `written_by` says for whom calls are recorded, as JSON values: a job's record, code and commit, and the `endpoint`
    that it asks. What is known of the process itself (host, versions, device) is added.
    """

    def __init__(self, folder: str | Path, written_by: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.written_by = dict(written_by or {})

    def part(self, respondent: Respondent) -> Path:
        """The folder of one respondent's calls."""
        return self.folder / digests.of_value(dict(respondent))[:16]

    def answered(self, respondent: Respondent) -> Answered:
        """Where the answers of a respondent stand, as of now."""
        return Answered(self.part(respondent))

    def responses(self, respondent: Respondent, keys: Iterable[str]) -> dict[str, Response]:
        """The recorded response for each of the keys that has one."""
        return self.answered(respondent).read(keys)

    def notes(self, respondent: Respondent) -> list[dict[str, Any]]:
        """What engines noted about calls on their way, each writer's notes in their order."""
        found = []
        for path in answer_files.paths(self.part(respondent), answer_files.JOINED, NOTES):
            is_joined = path.name.endswith(answer_files.JOINED)
            written = answer_files.JoinedFile(path).notes() if is_joined else answer_files.complete_lines(path, 0)
            found += [lines.parsed(line, path, offset) for offset, line in written if lines.is_note(line)]
        return found

    def writer(self, respondent: Respondent) -> Writer:
        """A writer for one respondent's calls; use it in a `with` statement."""
        return Writer(self.part(respondent), respondent, self.written_by)

    def join(self) -> None:
        """Join the files that are written, respondent by respondent. Raises UserError as joining.join does."""
        for folder in sorted(path for path in self.folder.glob("*") if path.is_dir()):
            # What is gone, another process has joined.
            with contextlib.suppress(FileNotFoundError):
                joining.join(folder)


class Writer:
    """Appends calls to files of its own, which are created with the first of them."""

    def __init__(self, folder: Path, respondent: Respondent, written_by: Mapping[str, Any]) -> None:
        self.folder = folder
        self.respondent = respondent
        self.written_by = written_by
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._files: dict[str, BinaryIO] = {}
        self._index: answer_files.IndexWriter | None = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, error: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._write_index()
        for kind, file in self._files.items():
            self._write(kind, lines.of_end())
            os.fsync(file.fileno())
            file.close()

    def append(self, request: Request, result: Response | Failure) -> tuple[bytes, bytes]:
        """Record one call. The line is in the operating system's hands when this returns.

        Returns the key, and the digest of the response or of the reason for a failure, in 32 bytes each.
        """
        written = lines.of_call(request.key(self.respondent), request, result)
        file = self._file(ANSWERS)
        offset = file.tell()
        file.write(written.line)
        file.flush()
        row = answer_files.packed(written, result, offset) if isinstance(result, Response) else None
        if row and self._index and self._index.add(row):
            self._write_index()
        return written.key, written.digest

    def note(self, **values: Any) -> None:
        """Record something about calls on their way, such as the batch that they are in; on disk when this returns."""
        file = self._file(NOTES)
        self._write(NOTES, lines.of_note(values))
        os.fsync(file.fileno())

    def sync(self) -> None:
        """Have the answers on disk when this returns, and so before the eyes of other hosts."""
        if ANSWERS in self._files:
            os.fsync(self._files[ANSWERS].fileno())

    def make_part(self) -> None:
        """Make sure that the respondent's folder is there and says whose it is."""
        make_alike(self.folder)
        path, text = self.folder / "respondent.json", digests.canonical_json(dict(self.respondent)) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
            complete_files.write_text(path, text)

    def _file(self, kind: str) -> BinaryIO:
        if kind not in self._files:
            self.make_part()
            if kind == ANSWERS:
                self._index = answer_files.IndexWriter(self.folder / f"{self.name}{ANSWERS}")
            self._files[kind] = open(self.folder / f"{self.name}{kind}", "xb")  # noqa: SIM115 (closed in __exit__)
            self._write(kind, lines.of_writer({**_this_writer(), **self.written_by}))
        return self._files[kind]

    def _write_index(self) -> None:
        if self._index:
            self.sync()
            self._index.write()

    def _write(self, kind: str, line: bytes) -> None:
        self._files[kind].write(line)
        self._files[kind].flush()


def make_alike(folder: Path) -> None:
    """Make a folder whose permissions are those of the one that it lies in: who shares that one shares it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(folder.parent.stat().st_mode & 0o7777)


@functools.cache
def _this_writer() -> dict[str, Any]:
    """What is known of this process when it writes its first line; a device is known once it is used."""
    return {**processes.identity(), **processes.this()}


def kept_answers(requests: Iterable[Request], respondent: Respondent, ledger: Ledger) -> list[tuple[str, Response]]:
    """The ledger key and response of each request, in order, asking nothing. Raises UserError if one is missing."""
    keys = [request.key(respondent) for request in requests]
    responses = ledger.responses(respondent, set(keys))
    missing = [key for key in keys if key not in responses]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(keys)} answers of {dict(respondent)} are not in the ledger {ledger.folder}, "
            f"the first with key {missing[0]}. Rebuild the receipt of the calls: it asks them."
        )
    return [(key, responses[key]) for key in keys]
