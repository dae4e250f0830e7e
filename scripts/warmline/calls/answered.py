"""Where the answers of one respondent stand: found by key, in whichever file, without reading the others."""

from __future__ import annotations

import dataclasses
import errno
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from warmline.calls import answer_files
from warmline.calls import lines as ledger_lines
from warmline.calls.answer_files import ROW, AnswerFile, Places, Rows
from warmline.calls.lines import Line
from warmline.calls.requests import UNANSWERABLE, Response

_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True)
class Found:
    """Answers to some of a list of keys: their places in the list, their rows, and the number of each one's file."""

    places: Places
    rows: Rows
    files: Places

    def only(self, which: Places) -> Found:
        """Some of them."""
        return Found(self.places[which], self.rows[which], self.files[which])


class Answered:
    """Where the answers of one respondent stand.

    Where two processes asked the same row at once, the earliest answer counts, for every reader alike. A row that was
    unanswerable once and was answered later is answered. Files may be joined meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, AnswerFile] = {}
        self.refresh()

    def refresh(self, names: Iterable[str] = ()) -> bool:
        """Take in the answers that were written since; only new bytes are read. True if there are any.

        `names` are files that are known to be written to: a shared file system may be late to list a file of another
        host.
        """
        return self._repeated(lambda: self._refresh(names))

    def _refresh(self, names: Iterable[str]) -> bool:
        named = [self._folder / name for name in names]
        there = dict.fromkeys([*answer_files.paths(self._folder), *(path for path in named if path.exists())])
        self._files = {path: file for path, file in self._files.items() if path in there}
        more = False
        for path in there:
            is_new = path not in self._files
            file = self._files.get(path) or answer_files.opened(path)
            more = file.refresh() or is_new or more
            self._files[path] = file
        return more

    def find(self, keys: Collection[bytes]) -> Found:
        """The answer that counts to each of some keys that has one; keys have 32 bytes, and are each there once."""
        found = self._all(keys)
        return found.only(np.flatnonzero(np.append(True, found.places[1:] != found.places[:-1])[: len(found.places)]))

    def answered_twice(self, keys: Collection[bytes]) -> int:
        """How many of the keys have more than one answer."""
        found = self._all(keys)
        # The same line stands in two files while they are joined.
        other = (found.places[1:] == found.places[:-1]) & (found.rows["time"][1:] != found.rows["time"][:-1])
        return len(np.unique(found.places[1:][other]))

    def _all(self, keys: Collection[bytes]) -> Found:
        """All answers, by the places of the keys, and of one key those that count first."""
        return self._repeated(lambda: self._look_up(keys))

    def _look_up(self, keys: Collection[bytes]) -> Found:
        wanted = np.frombuffer(b"".join(keys), ROW["key"])
        order = np.argsort(wanted)
        parts = [file.find(wanted[order]) for file in self._files.values()]
        places = order[np.concatenate([np.empty(0, np.intp), *(places for places, _ in parts)])]
        rows = answer_files.together(rows for _, rows in parts)
        files = np.repeat(np.arange(len(parts)), [len(places) for places, _ in parts])
        best = np.lexsort([rows["time"], rows["finish_reason"] == UNANSWERABLE.encode(), places])
        return Found(places[best], rows[best], files[best])

    def endpoints(self, found: Found) -> Counter[str]:
        """How many of the answers were given at each URL that was asked."""
        counts: Counter[str] = Counter()
        for number, file in enumerate(self._files.values()):
            writers, rows = np.unique(found.rows["writer"][found.files == number], return_counts=True)
            for writer, count in zip(writers.tolist(), rows.tolist(), strict=True):
                if endpoint := file.endpoint(writer):
                    counts[endpoint] += count
        return counts

    def finish_reasons(self, found: Found) -> Counter[str]:
        """How many of the answers ended for each reason."""
        reasons, rows = np.unique(found.rows["finish_reason"], return_counts=True)
        counts = Counter(dict(zip((reason.decode() for reason in reasons.tolist()), rows.tolist(), strict=True)))
        if counts.pop("", 0):
            unsaid = found.only(np.flatnonzero(found.rows["finish_reason"] == b""))
            counts.update(line.response.finish_reason for _, line in self._lines_of(unsaid))
        return counts

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an answer."""
        asked = list(dict.fromkeys(keys))
        return {asked[place] for place in self.find([bytes.fromhex(key) for key in asked]).places.tolist()}

    def read(self, keys: Iterable[str]) -> dict[str, Response]:
        """The response for each of the keys that has one."""
        return {key: line.response for key, line in self.lines(keys).items()}

    def lines(self, keys: Iterable[str]) -> dict[str, Line]:
        """The line for each of the keys that has an answer. Raises UserError for a damaged one."""
        wanted = list(dict.fromkeys(keys))

        def read() -> dict[str, Line]:
            found = self.find([bytes.fromhex(key) for key in wanted])
            return {wanted[place]: line for place, line in self._lines_of(found)}

        return self._repeated(read)

    def _lines_of(self, found: Found) -> Iterator[tuple[int, Line]]:
        """The place and line of each answer, in the order in which they stand in the files."""
        for number, file in enumerate(list(self._files.values())):
            which = np.flatnonzero(found.files == number)
            which = which[np.argsort(found.rows["offset"][which])]
            some = found.only(which)
            for place, row, line in zip(some.places.tolist(), some.rows, file.lines(some.rows), strict=True):
                answer = ledger_lines.answer(line, file.path, int(row["offset"]), file.endpoint(int(row["writer"])))
                if ledger_lines.key_of(line) + answer.digest != row["line"].tobytes():
                    raise ledger_lines.damaged(file.path, int(row["offset"]))
                yield place, answer

    def _repeated(self, read: Callable[[], _Result]) -> _Result:
        """Read once more where files were joined with others, and are listed under another name by now."""
        is_current = True
        while True:
            try:
                if not is_current:
                    self._files = {}
                    self._refresh([])
                return read()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESTALE):
                    raise
                is_current = False
