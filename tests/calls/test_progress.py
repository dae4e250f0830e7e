from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
# Rows come one every hundredth of a second, and lines twenty times a second at most.
JOB = """
import time
from warmline.calls import progress
progress.SECONDS_BETWEEN_LINES = 0.05
shown = progress.Progress(1040, "answers of warm")
shown.known(1000)
for row in range(1, 41):
    time.sleep(0.01)
    shown.answered(row * 0.25)
shown.close()
"""
LINE = re.compile(r"answers of warm: (\d+) of 1040 rows, +([\d.]+|\?) rows/s, [\d:?]+ left(?:, (\d+\.\d\d) USD)?")


def command(job: str = JOB, *redirected: str) -> list[str]:
    words = ["-c", 'exec "$0" -c "$1" ' + " ".join(redirected), sys.executable, job]
    return ["bash", *words]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(SCRIPTS)}


def on_a_terminal(job: str, *redirected: str) -> str:
    """What a terminal shows of a job."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(job, *redirected), env=environment(), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    # The end of a terminal's output is an error on Linux, and empty elsewhere.
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


def test_lines_come_where_there_is_no_terminal() -> None:
    result = subprocess.run(command(), env=environment(), capture_output=True, text=True, check=True)
    lines = result.stderr.splitlines()
    assert result.stdout == ""
    assert len(lines) > 2
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    rows = [int(match[1]) for match in matches if match]
    assert rows == sorted(rows)
    assert rows[0] > 1000
    assert rows[-1] == 1040
    assert lines[-1].endswith(", 10.00 USD")


def test_rows_from_the_ledger_do_not_count_in_the_rate() -> None:
    result = subprocess.run(command(), env=environment(), capture_output=True, text=True, check=True)
    # Forty rows took at least 0.4 s; with those of the ledger it would be thousands a second.
    rates = [float(match[2]) for match in map(LINE.fullmatch, result.stderr.splitlines()) if match]
    assert rates
    assert max(rates) <= 100


def test_a_job_that_is_over_at_once_says_nothing() -> None:
    job = JOB.replace("SECONDS_BETWEEN_LINES = 0.05", "SECONDS_BETWEEN_LINES = 600.0")
    assert subprocess.run(command(job), env=environment(), capture_output=True, check=True).stderr == b""


def test_a_job_under_snakemake_writes_its_lines_to_descriptor_3(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    redirected = command(JOB, "3>&2", ">", str(log), "2>&1")
    result = subprocess.run(redirected, env=environment(), capture_output=True, text=True, check=True)
    assert all(LINE.fullmatch(line) for line in result.stderr.splitlines())
    assert result.stderr.splitlines()[-1].startswith("answers of warm: 1040 of 1040 rows")
    assert log.read_text() == ""


def test_a_job_under_snakemake_on_a_terminal_writes_lines_too(tmp_path: Path) -> None:
    shown = on_a_terminal(JOB, "3>&2", ">", str(tmp_path / "log.txt"), "2>&1")
    assert all(LINE.fullmatch(line) for line in shown.splitlines()), shown
    assert "1040 of 1040" in shown


def test_a_terminal_gets_a_bar_that_is_drawn_over() -> None:
    shown = on_a_terminal(JOB)
    assert shown.count("\r") > 2
    assert shown.count("\n") == 1
    last = shown.rstrip().rpartition("\r")[2]
    assert re.fullmatch(r"answers of warm: \W+ 1040 of 1040 rows, .* left, 10\.00 USD", last), last


@pytest.mark.parametrize("inherited", [True, False])
def test_a_file_that_python_opened_as_descriptor_3_gets_no_lines(tmp_path: Path, inherited: bool) -> None:
    """Neither one of the job's own files, nor one passed on for reading."""
    file = tmp_path / "table.bin"
    file.write_bytes(b"rows")
    opening = "" if inherited else f"import os; assert os.open({str(file)!r}, os.O_RDWR) == 3\n"
    job = command(opening + JOB, *([f"3< {file}"] if inherited else []))
    result = subprocess.run(job, env=environment(), capture_output=True, text=True, check=True)
    assert "1040 of 1040" in result.stderr
    assert file.read_bytes() == b"rows"
