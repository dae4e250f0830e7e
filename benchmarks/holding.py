"""Hold 20,000 files against their records: the pass before each plan, beside reading every file.

    python benchmarks/holding.py

Prints processor seconds of the first pass, of the second, whose files are known by size, times and inode, and of
reading all files with SHA-256 alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from warmline.lineage import digests, records
from warmline.workflow.holding import Demand, doubt
from warmline.workflow.known_files import KnownFiles

JOBS = 5_000
OUTPUTS = 4
BYTES = 20_000


def study() -> list[tuple[Demand, str]]:
    """What each of the jobs is to make, and its record."""
    found = []
    Path("input.parquet").write_bytes(os.urandom(BYTES))
    for number in range(JOBS):
        outputs = [f"out/{number}/{name}.parquet" for name in range(OUTPUTS)]
        Path(f"out/{number}").mkdir(parents=True)
        for output in outputs:
            Path(output).write_bytes(os.urandom(BYTES))
        inputs = {"table": ["input.parquet"], "above": [f"out/{max(0, number - 1)}/0.parquet"]}
        demand = Demand(
            outputs, inputs, [], {"options": f"--number {number}", "code": "c0de"}, None, "command", False, False
        )
        made = {name: {path: digests.of_file(path) for path in paths} for name, paths in inputs.items()}
        record = {
            **{"format": records.FORMAT, "given": demand.as_given(), "inputs": made},
            **{"outputs": {"table": {output: digests.of_file(output) for output in outputs}}},
            "code": {"digest": "c0de", "modules": {f"warmline.module_{module}": "0" * 64 for module in range(25)}},
        }
        name = f"audit/jobs/rule/number={number}"
        records.append(name, record)
        found.append((demand, name))
    return found


def hold(jobs: list[tuple[Demand, str]]) -> None:
    """The pass as it is before a plan."""
    known = KnownFiles()
    assert not any(doubt(demand, records.last(name), known.digest) for demand, name in jobs)
    known.keep()


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        jobs = study()
        paths = [path for demand, _ in jobs for path in demand.outputs]
        # Files that changed just now are read again.
        time.sleep(0.2)
        first, second = seconds(lambda: hold(jobs)), seconds(lambda: hold(jobs))
        reading = seconds(lambda: [digests.of_file(path) for path in paths])
    print(f"{len(paths)} files, {len(jobs)} records")
    print(f"first pass {first:.2f} s, known files {second:.2f} s, reading all {reading:.2f} s")
    print(f"ratio of the second pass to reading all: {second / reading:.2f}")


if __name__ == "__main__":
    main()
