"""Jobs that are forked are as jobs of a fresh interpreter, and none is left behind or lost in silence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from repository import REPOSITORY

FOLDER = REPOSITORY / "scripts/warmline/forkserver"
# What a process can see of how it was started, before and after an import.
STATE = """
import json, os, signal, sys
def packages():
    return sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"_virtualenv"})
state = {
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "executable": sys.executable,
    "flags": str(sys.flags), "main": sorted(set(globals()) - {"sys"}), "file": __file__, "cwd": os.getcwd(),
    "environment": {k: v for k, v in os.environ.items() if k != "_"},
    "umask": os.umask(0), "files": [n for n in range(10) if os.path.exists(f"/proc/self/fd/{n}")],
    "output": [sys.stdout.line_buffering, sys.stdout.encoding, sys.stderr.line_buffering, sys.stderr.errors],
    "signals": {str(n): str(signal.getsignal(n)) for n in signal.valid_signals()},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": len(os.listdir("/proc/self/task")), "packages": packages(),
}
import importlib.util
assert importlib.util.find_spec("statsmodels") and "statsmodels" not in sys.modules
import statsmodels.stats.multitest
assert statsmodels.stats.multitest is sys.modules["statsmodels.stats.multitest"]
state["packages after an import"] = packages()
state["spec"] = statsmodels.stats.multitest.__spec__.origin
json.dump(state, open(sys.argv[1], "w"))
"""
OTHER = "import os, socket; os.setuid(65534)"
HEAVY = "import time; t = time.process_time(); import statsmodels.api; print(time.process_time() - t)"
WAITS = """
import pathlib, signal, sys, time
def end(*_):
    print("told to end", flush=True)
    sys.exit(9)
signal.signal(signal.SIGTERM, end)
pathlib.Path("started").write_text(str(__import__("os").getpid()))
time.sleep(60)
"""


class Run:
    """A shell that starts jobs as Snakemake does, in a folder with scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join([str(FOLDER), str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.shell = subprocess.Popen(["bash"], cwd=folder, env={**environment, "PYTHONPATH": str(folder)}, **command)
        self.write("parent", "import os; print(os.getppid())")

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)

    def answer(self, line: str) -> int:
        assert self.shell.stdin and self.shell.stdout
        print(line, file=self.shell.stdin, flush=True)
        return int(self.shell.stdout.readline())

    def job(self, words: str) -> int:
        """The status of a job, whose output is then in the files out and err."""
        return self.answer(f"(exec python {words}) > out 2> err; echo $?")

    def start(self, words: str) -> int:
        """The process id of a job in the background."""
        return self.answer(f"(exec python {words}) > out 2> err & echo $!")

    def out(self) -> str:
        return (self.folder / "out").read_text()

    def err(self) -> str:
        return (self.folder / "err").read_text()

    def servers(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [str(FOLDER / "server.py").encode(), str(self.shell.pid).encode()]:
                found.append(int(path.parent.name))
        return found

    def forks(self) -> int:
        """The process id of the server, once it forks."""
        wait_until(lambda: self.job("parent.py") == 0 and self.servers() == [int(self.out())])
        return int(self.out())

    def end(self) -> None:
        assert self.shell.stdin
        self.shell.stdin.close()
        self.shell.wait()


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    run.end()
    wait_until(lambda: not run.servers())


def test_a_forked_job_finds_what_a_fresh_interpreter_has(run: Run) -> None:
    run.write("state", STATE)
    server = run.forks()
    states = []
    # The second forked one finds packages imported.
    for variables in ("WARMLINE_FORK=off", "", ""):
        command = f"{variables} exec python state.py state.json --last 'two words'"
        assert run.answer(f"({command}) > out 2> err; echo $?") == 0, run.err()
        states.append(json.loads((run.folder / "state.json").read_text()))
    assert [server] == run.servers()
    states[0]["environment"].pop("WARMLINE_FORK")
    imported = [set(state.pop("packages after an import")) for state in states]
    assert states[1] == states[0]
    assert states[2] == states[0]
    # What compiled modules import of others is not seen to be theirs. The job gets it when it asks for it.
    assert imported[2] <= imported[1] == imported[0]
    assert {"statsmodels", "pandas", "scipy", "numpy"} <= imported[2]


def test_what_one_job_imported_is_there_for_the_next_of_its_script(run: Run) -> None:
    run.write("heavy", HEAVY)
    run.forks()
    seconds = []
    for _ in range(3):
        assert run.job("heavy.py") == 0
        seconds.append(float(run.out()))
    assert seconds[2] < seconds[0] / 5


def test_what_jobs_of_an_earlier_run_imported_is_there_for_the_first_of_the_next(run: Run) -> None:
    run.write("heavy", HEAVY)
    (run.folder / ".snakemake").mkdir()

    def seconds(run: Run) -> float:
        assert run.job("heavy.py") == 0, run.err()
        return float(run.out())

    def first_of_another_run() -> float:
        another = Run(run.folder)
        try:
            return seconds(another)
        finally:
            another.end()

    imported, there = seconds(run), seconds(run)
    assert there < imported / 5
    assert first_of_another_run() < imported / 5
    # What cannot be read is nothing remembered, and no names are what names nothing.
    for content in ('{"heavy.py": 3', '{"heavy.py": ["statsmodels.\\ud800x", 3, "no such module"]}'):
        (run.folder / ".snakemake/warmline-imports.json").write_text(content)
        assert first_of_another_run() > imported / 5


def test_an_edited_module_is_read_anew(run: Run) -> None:
    run.write("prints", "import module; print(module.VALUE)")
    run.forks()
    for value in (1, 22, 333):
        run.write("module", f"VALUE = {value}")
        assert run.job("prints.py") == 0
        assert run.out() == f"{value}\n"


def test_a_job_ends_as_its_script_ends(run: Run) -> None:
    run.write("exits", "import sys; sys.exit(7)")
    run.write("says", "import sys; sys.exit('error: what to do')")
    run.write("breaks", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    run.write("raises", "def inner():\n    raise ValueError('why')\n\n\ninner()\n")
    run.forks()
    assert run.job("exits.py") == 7
    assert (run.job("says.py"), run.err()) == (1, "error: what to do\n")
    assert run.job("breaks.py") == 128 + signal.SIGSEGV
    assert run.job("raises.py") == 1
    forked = run.err()
    run.answer("(WARMLINE_FORK=off exec python raises.py) > out 2> err; echo $?")
    assert forked == run.err()


def test_output_of_every_kind_goes_where_the_rule_sends_it(run: Run) -> None:
    run.write(
        "prints", "import os, sys; print('out'); print('err', file=sys.stderr); os.write(3, sys.stdin.buffer.read())"
    )
    run.forks()
    assert run.answer("(exec python prints.py 3> third <<< given) > out 2> err; echo $?") == 0
    assert (run.out(), run.err(), (run.folder / "third").read_text()) == ("out\n", "err\n", "given\n")


def test_a_signal_reaches_the_job(run: Run) -> None:
    run.write("waits", WAITS)
    run.forks()
    client = run.start("waits.py")
    wait_until((run.folder / "started").exists)
    os.kill(client, signal.SIGTERM)
    assert run.answer(f"wait {client}; echo $?") == 9
    assert run.out() == "told to end\n"


def test_a_job_dies_with_its_client(run: Run) -> None:
    run.write("waits", WAITS)
    run.forks()
    client = run.start("waits.py")
    wait_until(lambda: (run.folder / "started").exists() and (run.folder / "started").read_text())
    job = int((run.folder / "started").read_text())
    assert job != client and alive(job)
    os.kill(client, signal.SIGKILL)
    wait_until(lambda: not alive(job))


def test_a_killed_server_fails_its_jobs_and_says_so(run: Run) -> None:
    run.write("waits", WAITS)
    server = run.forks()
    client = run.start("waits.py")
    wait_until(lambda: (run.folder / "started").exists() and (run.folder / "started").read_text())
    job = int((run.folder / "started").read_text())
    os.kill(server, signal.SIGKILL)
    assert run.answer(f"wait {client}; echo $?") == 1
    assert "was killed. Run again." in run.err()
    wait_until(lambda: not alive(job))
    assert run.forks() != server


@pytest.mark.parametrize("variables", ["OMP_NUM_THREADS=2", "WARMLINE_FORK=off", "PYTHONHASHSEED=1", "LC_ALL=C"])
def test_what_a_fork_cannot_be_is_a_fresh_interpreter(run: Run, variables: str) -> None:
    run.forks()
    assert run.answer(f"({variables} exec python parent.py) > out 2> err; echo $?") == 0
    assert run.out() == f"{run.shell.pid}\n"


def test_jobs_that_begin_at_once_start_one_server(run: Run) -> None:
    run.answer("for i in 1 2 3 4 5 6; do (exec python parent.py) > out$i & done; wait; echo $?")
    assert len(run.servers()) == 1
    assert {int((run.folder / f"out{i}").read_text()) for i in range(1, 7)} <= {run.shell.pid, *run.servers()}


def test_runs_in_two_folders_do_not_meet(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Run(tmp_path / "other")
    assert run.forks() != other.forks()
    other.end()
    wait_until(lambda: not other.servers())


def test_a_server_ends_with_its_run(run: Run) -> None:
    server = run.forks()
    run.shell.kill()
    wait_until(lambda: not alive(server))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused(run: Run) -> None:
    run.forks()
    folder = run.folder.stat()
    address = f"\0warmline 0 {folder.st_dev} {folder.st_ino} {run.shell.pid}"
    ask = f"{OTHER}; s = socket.socket(socket.AF_UNIX); s.connect({address!r}); print(s.recv(1))"
    asked = subprocess.run([sys.executable, "-IS", "-c", ask], capture_output=True, text=True)
    assert asked.stdout == "b''\n", asked.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_server_of_another_user_gets_no_job(run: Run) -> None:
    folder = run.folder.stat()
    address = f"\0warmline 0 {folder.st_dev} {folder.st_ino} {run.shell.pid}"
    listen = f"{OTHER}; s = socket.socket(socket.AF_UNIX); s.bind({address!r}); s.listen(); print(1, flush=True); "
    command = [sys.executable, "-IS", "-c", listen + "c = s.accept()[0]; print(c.recv(1))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as squatter:
        assert squatter.stdout and squatter.stdout.readline() == "1\n"
        assert run.job("parent.py") == 0
        assert run.out() == f"{run.shell.pid}\n"
        assert squatter.stdout.read() == "b''\n"


LIBRARY = """
import sys
from warmline.tables import columns
seen = sorted(name for name in sys.modules if name.startswith("warmline"))
import warmline.lineage.errors
from warmline.lineage import digests
assert warmline.lineage.digests is digests is sys.modules["warmline.lineage.digests"]
assert warmline.tables.columns is columns
print(seen, "polars" in sys.modules, "numpy" in sys.modules, hasattr(columns, "edited"), len(sys.argv))
"""


def use_a_copy_of_the_library(run: Run, folder: Path) -> None:
    copy = folder / "copy"
    run.answer(f'PATH="{copy}/warmline/forkserver:${{PATH#*:}}" PYTHONPATH={copy}; export PATH PYTHONPATH; echo 0')


def with_a_copy_of_the_library(run: Run, folder: Path) -> Path:
    """Have the jobs of a run use a copy of the library, which is to be edited."""
    copy = folder / "copy"
    shutil.copytree(REPOSITORY / "scripts/warmline", copy / "warmline", ignore=shutil.ignore_patterns("__pycache__"))
    use_a_copy_of_the_library(run, folder)
    run.write("uses", LIBRARY)
    run.write("uses_more", "import warmline.calls.ledger, warmline.grading.judges\n" + LIBRARY)
    return copy / "warmline/tables/columns.py"


def edit(module: Path) -> None:
    with open(module, "a") as file:
        file.write("\n\nedited = True\n")


def test_modules_of_the_library_are_there_as_a_job_imports_them_and_as_their_files_are(
    run: Run, tmp_path: Path
) -> None:
    module = with_a_copy_of_the_library(run, tmp_path)
    run.write("parent", "import os; print(os.getppid())")
    outputs: dict[str, list[str]] = {"uses.py": [], "uses_more.py": []}
    for number in range(5):
        for script, found in outputs.items():
            assert run.job(script) == 0, run.err()
            found.append(run.out())
        if number == 3:
            edit(module)
    for found in outputs.values():
        assert len(set(found[:4])) == 1
        assert found[4] == found[0].replace("False 1", "True 1")
        assert "False 1" in found[0]


def test_a_module_that_one_script_imported_and_that_was_edited_is_old_for_the_others_too(
    run: Run, tmp_path: Path
) -> None:
    module = with_a_copy_of_the_library(run, tmp_path)
    for script in ("uses.py", "uses.py", "uses_more.py"):
        assert run.job(script) == 0, run.err()
        assert "False 1" in run.out()
    edit(module)
    assert run.job("uses_more.py") == 0, run.err()
    assert "True 1" in run.out()


def test_a_module_that_was_remembered_and_now_imports_another_is_watched_with_it(run: Run, tmp_path: Path) -> None:
    module = with_a_copy_of_the_library(run, tmp_path)
    (run.folder / ".snakemake").mkdir()
    for _ in range(2):
        assert run.job("uses.py") == 0, run.err()
    run.end()
    # It is not among what is remembered.
    another = module.with_name("brandnew.py")
    another.write_text("VALUE = 'old'\n")
    module.write_text(module.read_text() + "\nfrom warmline.tables.brandnew import VALUE as VALUE\n")
    later = Run(run.folder)
    try:
        use_a_copy_of_the_library(later, tmp_path)
        later.write("uses", "import warmline.tables.columns; print(warmline.tables.columns.VALUE)")
        assert later.job("uses.py") == 0 and later.out() == "old\n", later.err()
        another.write_text("VALUE = 'newer'\n")
        assert later.job("uses.py") == 0 and later.out() == "newer\n", later.err()
    finally:
        later.end()
