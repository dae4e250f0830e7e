from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from repository import REPOSITORY

from warmline.lineage.complete_files import filling, replacing, write_text
from warmline.lineage.errors import UserError


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with replacing(path) as partial:
        partial.write_text("half of the ne")
        assert path.read_text() == "old"
        partial.write_text("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half of the ne")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old")
    program = (
        "import os, sys; from pathlib import Path; from warmline.lineage.complete_files import replacing\n"
        "with replacing(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half of the ne')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], env={"PYTHONPATH": str(REPOSITORY / "scripts")})
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_a_folder_is_seen_when_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "store" / "model"
    with filling(folder) as partial:
        (partial / "config.json").write_text("{}")
        assert not folder.exists()
        (partial / "model.safetensors").write_text("weights")
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors"]
    assert os.listdir(folder.parent) == ["model"]


def test_a_failure_leaves_no_half_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), filling(tmp_path / "model") as partial:
        (partial / "config.json").write_text("{}")
        raise ZeroDivisionError
    assert not os.listdir(tmp_path)


def test_what_a_killed_process_left_of_a_folder_is_no_part_of_the_next(tmp_path: Path) -> None:
    with filling(tmp_path / "model") as partial:
        name = partial.name
    (tmp_path / "model").rmdir()
    (tmp_path / name).mkdir()
    (tmp_path / name / "old.json").write_text("half of")
    with filling(tmp_path / "model") as partial:
        assert partial.name == name
        (partial / "config.json").write_text("{}")
    assert os.listdir(tmp_path / "model") == ["config.json"]


def test_processes_of_one_number_on_two_hosts_write_under_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for host in ("node-1", "node-2"):
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        with replacing(tmp_path / "table.csv") as partial:
            names.add(partial.name)
            partial.write_text(host)
    assert len(names) == 2


@pytest.mark.parametrize("writing", [replacing, filling])
def test_an_error_of_the_disk_names_the_file_and_the_remedy(writing: Any, tmp_path: Path) -> None:
    path = tmp_path / "results"
    with (
        pytest.raises(UserError, match=r"results cannot be written: .*No space left on device\. Make room"),
        writing(path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not os.listdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/table\.csv cannot be written: .*Not a directory"):
        write_text(tmp_path / "file/table.csv", "text")


def test_a_librarys_own_error_is_not_taken_for_one_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no tokenizer"), filling(tmp_path / "model"):
        raise OSError("there is no tokenizer in this folder")
