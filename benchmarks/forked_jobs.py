"""A small job through the fork server beside the same job in a fresh interpreter: processor and wall seconds of each.

    python benchmarks/forked_jobs.py

The job renders prompts. What the server itself takes, its imports among it, is shared among its jobs and counted.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil

from warmline.lineage import records
from warmline.tables import parquet_tables
from warmline.tables.questions import QUESTIONS
from warmline.workflow import shell

JOBS = 40
SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
COMMAND = (
    f"python {SCRIPTS}/prompts/render.py --questions questions.parquet --belief none.md --seed 7 --draw per-question"
    " --condition unmodified.none.plain --prompts {job}.parquet --record audit/jobs/render_prompts/job={job}"
)


def run(fork: str) -> tuple[float, float]:
    """Processor and wall seconds of one job, in the mean over many that follow each other."""
    lines = [
        f"({shell.prefix(beside_snakemake=True)}exec {COMMAND.format(job=f'{fork}-{job}')})" for job in range(JOBS)
    ]
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": paths, "WARMLINE_FORK": fork, "OMP_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    # The server belongs to the process that starts the jobs, here the shell, and ends with it.
    script = "\n".join(["set -e", *lines, "echo done", "read line"])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["bash", "-c", script], env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "done\n"
        wall = time.monotonic() - started
        servers = [p for p in psutil.process_iter(["cmdline"]) if str(process.pid) in (p.info["cmdline"] or [])[-1:]]
        server = sum(sum(p.cpu_times()[:4]) for p in servers)
        process.communicate("\n")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (cpu + server) / JOBS, wall / JOBS


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        row = ("medqa-00001", "Which?", "Flu", "Cold", ["Flu"], ["Cold"], 1, None)
        parquet_tables.write(pl.DataFrame([row], schema=QUESTIONS.schema, orient="row"), QUESTIONS, "questions.parquet")
        Path("none.md").write_text("{{ question }}\n")
        fresh, forked = run("off"), run("on")
        assert records.last("audit/jobs/render_prompts/job=on-1")
    print(f"fresh interpreter: {fresh[0]:.3f} s of processor, {fresh[1]:.3f} s wall; {JOBS} jobs, one after the other")
    print(f"forked:            {forked[0]:.3f} s of processor, {forked[1]:.3f} s wall")
    print(f"ratio of processor seconds: {fresh[0] / forked[0]:.1f}")


if __name__ == "__main__":
    main()
