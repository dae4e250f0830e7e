"""What a ledger holds, whether it is what was written, and which of it studies refer to."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from warmline.calls import answer_files, lines
from warmline.calls.answer_files import JOINED, NOTES, PLAIN, ROW, Rows
from warmline.lineage import digests
from warmline.lineage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Part:
    """The calls of one respondent: its files and their bytes, its answers, and when the first and last was given."""

    folder: Path
    respondent: str
    files: int
    bytes: int
    answers: int
    first: datetime.datetime | None
    last: datetime.datetime | None


def parts(ledger: Path) -> Iterator[Part]:
    """Every respondent's part of a ledger. Raises UserError for a damaged file."""
    for folder in folders(ledger):
        paths = [path for path in folder.rglob("*") if path.is_file()]
        rows = answer_files.together(_rows(folder))
        times = (
            [datetime.datetime.fromtimestamp(time / 1e6, datetime.UTC) for time in np.sort(rows["time"])[[0, -1]]]
            if len(rows)
            else [None, None]
        )
        respondent = (folder / "respondent.json").read_text(encoding="utf-8").strip()
        size = sum(path.stat().st_size for path in paths)
        yield Part(folder, respondent, len(paths), size, len(np.unique(rows["key"])), *times)


def folders(ledger: Path) -> list[Path]:
    """The folders of the respondents."""
    return sorted(path.parent for path in ledger.glob("*/respondent.json"))


def _rows(folder: Path) -> Iterator[Rows]:
    for path in answer_files.paths(folder):
        file = answer_files.opened(path)
        file.refresh()
        yield file.all_rows()


def damages(folder: Path) -> Iterator[str]:
    """What is wrong with a respondent's calls.

    Each line is parsed, its digest and its key are computed anew, and the index is held against all of them.
    """
    respondent = json.loads((folder / "respondent.json").read_bytes())
    for path in answer_files.paths(folder, PLAIN, JOINED, NOTES):
        try:
            file = answer_files.opened(path)
            if not path.name.endswith(NOTES):
                file.refresh()
            rows = bytearray()
            for offset, line in file.all_lines():
                said = lines.parsed(line, path, offset)
                if lines.is_other(line):
                    continue
                rows += answer_files.row_of(line, path, offset)
                if digests.of_value({"respondent": respondent, **said["request"]}) != said["key"]:
                    yield f"{path}, byte {offset}: the key is not that of the request beside it."
            if not file.has_rows(np.frombuffer(bytes(rows), ROW)):
                is_joined = path.name.endswith(JOINED)
                remedy = lines.remedy(path) if is_joined else f"Delete {answer_files.index_path(path).name}."
                yield f"{path}: its index is not that of its lines, which are sound. {remedy}"
        except UserError as error:
            yield str(error)


def referred_to(studies: Iterable[Path]) -> set[bytes]:
    """The ledger keys, of 32 bytes each, that stand in the tables of studies. Raises UserError for a folder without."""
    found: set[bytes] = set()
    for study in studies:
        own: set[bytes] = set()
        for path in sorted(study.rglob("*.parquet")):
            keys = [name for name in pl.read_parquet_schema(path) if name.endswith("_key")]
            for column in pl.read_parquet(path, columns=keys).iter_columns() if keys else ():
                own.update(bytes.fromhex(key) for key in column.drop_nulls())
        if not own or not (study / "audit/jobs").is_dir():
            raise UserError(
                f"{study} is not the folder of a study with answers. Name such folders whole, as results/<study>. "
                "Nothing was dropped."
            )
        found |= own
    return found
