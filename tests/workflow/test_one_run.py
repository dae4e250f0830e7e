"""One run of a study at a time, told by processes of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.workflow import one_run
from warmline.workflow.one_run import FILE, WITHIN, alone, hold, let_go, release

HOLD = """
import sys, time
from pathlib import Path
from warmline.workflow import one_run
one_run.hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(100)
"""


def start(folder: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts"), **variables}
    command = [sys.executable, "-c", HOLD, str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        assert first.stdout and first.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"worked on by process {first.pid} of {socket.gethostname()}"):
            hold(tmp_path)
        # A process that was killed leaves its file.
        first.kill()
    assert (tmp_path / FILE).exists()
    with alone(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()
    assert not (tmp_path / FILE).exists()
    assert list(tmp_path.iterdir()) == []


def test_invocations_of_one_run_do_not_exclude_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(tmp_path)
    with start(tmp_path, **{WITHIN: str(os.getpid())}) as part:
        assert part.stdout and part.stdout.readline() == "held\n"
        part.kill()
    holder = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**holder, "pid": os.getppid()}))
    monkeypatch.setenv(WITHIN, str(os.getppid()))
    with alone(tmp_path):
        pass
    assert (tmp_path / FILE).exists(), "the run goes on"
    release(tmp_path)


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"started": 0.0}])
def test_what_a_dead_process_held_is_taken_over(tmp_path: Path, change: dict[str, float]) -> None:
    parent = psutil.Process(os.getppid())
    holder = {"host": socket.gethostname(), "pid": parent.pid, "started": parent.create_time(), "since": "today"}
    (tmp_path / FILE).write_text(json.dumps(holder | change))
    hold(tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"host": 1, "pid": "x", "started": 1, "since": 1}'])
def test_a_damaged_file_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    hold(tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()


def test_a_run_of_another_host_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"host": "node7", "pid": 1, "started": 0.0, "since": "yesterday"}))
    with pytest.raises(UserError, match=r"process 1 of node7, since yesterday.*remove .*\.run\.json"):
        hold(tmp_path)


def test_a_process_lets_go_of_what_it_holds_itself_and_of_nothing_else(tmp_path: Path) -> None:
    hold(tmp_path)
    let_go(tmp_path)
    assert not (tmp_path / FILE).exists()
    let_go(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"host": "node7", "pid": os.getpid(), "started": 0.0, "since": "today"}))
    let_go(tmp_path)
    assert (tmp_path / FILE).exists()


def test_of_many_at_once_one_holds(tmp_path: Path) -> None:
    stale = {"host": socket.gethostname(), "pid": 2**22 + 1, "started": 0.0, "since": "yesterday"}
    (tmp_path / one_run.FILE).write_text(json.dumps(stale))
    processes = [start(tmp_path) for _ in range(4)]
    try:
        held = []
        for process in processes:
            assert process.stdout
            held += [process.pid] if process.stdout.readline() == "held\n" else []
        assert len(held) == 1
    finally:
        for process in processes:
            process.kill()
            process.communicate()
