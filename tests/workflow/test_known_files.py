"""A file is read again only where its state on disk says that it may have changed; clocks are not asked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from warmline.lineage import digests
from warmline.workflow import known_files
from warmline.workflow.known_files import KnownFiles


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # Files of a test are all made just now.
    monkeypatch.setattr(known_files, "RACY_NANOSECONDS", -1)
    (tmp_path / "a.csv").write_text("first")
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read."""
    names: list[str] = []
    of_file = digests.of_file
    monkeypatch.setattr(digests, "of_file", lambda path: (names.append(str(path)), of_file(path))[1])
    return names


def test_a_file_is_read_once_for_all_runs(read: list[str]) -> None:
    known = KnownFiles()
    digest = known.digest("a.csv")
    assert digest == digests.of_file("a.csv")
    known.keep()
    read.clear()
    assert KnownFiles().digest("a.csv") == digest
    assert read == []


@pytest.mark.parametrize("how", ["written", "replaced", "copied back"])
def test_another_content_with_the_old_time_and_size_is_noticed(how: str) -> None:
    known = KnownFiles()
    before = known.digest("a.csv")
    times = os.stat("a.csv").st_atime_ns, os.stat("a.csv").st_mtime_ns
    Path("b.csv").write_text("other")
    os.utime("b.csv", ns=times)
    if how == "written":
        Path("a.csv").write_text("other")
        os.utime("a.csv", ns=times)
    elif how == "replaced":
        os.replace("b.csv", "a.csv")
    else:
        shutil.copy2("b.csv", "a.csv")
    assert os.stat("a.csv").st_mtime_ns == times[1]
    assert known.digest("a.csv") == digests.of_file("a.csv") != before


def test_a_file_that_changed_just_now_is_not_relied_on(monkeypatch: pytest.MonkeyPatch, read: list[str]) -> None:
    monkeypatch.setattr(known_files, "RACY_NANOSECONDS", 10**12)
    known = KnownFiles()
    known.digest("a.csv")
    known.digest("a.csv")
    assert read == ["a.csv", "a.csv"]


def test_a_jobs_word_counts_for_a_file_that_has_not_changed_since(read: list[str]) -> None:
    known = KnownFiles()
    changed = os.stat("a.csv").st_ctime_ns
    known.note("a.csv", "as the job says", changed - 1)
    assert known.digest("a.csv") == digests.of_file("a.csv")
    Path("b.csv").write_text("")
    known.note("b.csv", "as the job says", os.stat("b.csv").st_ctime_ns)
    read.clear()
    assert known.digest("b.csv") == "as the job says"
    assert read == []


def test_a_missing_file_and_notes_that_are_lost_or_damaged_are_no_failure(folder: Path) -> None:
    known = KnownFiles()
    assert known.digest("none.csv") is None
    assert known.digest("a.csv/none.csv") is None
    known.digest("a.csv")
    known.keep()
    for damaged in ("{", "[]", "null", '{"a.csv": 3}', '{"a.csv": [1]}'):
        (folder / known_files.KEPT).write_text(damaged)
        assert KnownFiles().digest("a.csv") == digests.of_file("a.csv")


def test_files_of_the_future_are_told_once_each() -> None:
    os.utime("a.csv", (4_000_000_000, 4_000_000_000))
    known = KnownFiles()
    known.digest("a.csv")
    known.digest("a.csv")
    assert known.of_the_future == ["a.csv"]
