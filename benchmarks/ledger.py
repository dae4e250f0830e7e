"""The ledger at the scale of the article's study, beside one file per response.

Writes answers of a realistic length into the ledger, as a calling rule does, and into files named by their keys. Then
both are opened anew with the page cache dropped, and rows are looked up by key.

    python benchmarks/ledger.py
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Response, Sampling

RESPONDENT = {"engine": "openai", "model": "benchmark"}
WORDS = ["what", "is", "known", "of", "this", "and", "how", "sure", "can", "anyone", "be", "that", "it", "is", "so"]
WRITERS = 20
LOOKED_UP = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=440_000)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        in_ledger = ledger(Path(folder) / "ledger", arguments.rows)
        in_files = files(Path(folder) / "files", arguments.rows)
    for name, ratio in ((name, in_files[name] / in_ledger[name]) for name in in_ledger):
        print(f"one file per response takes {ratio:.1f} times as long to {name}")


def ledger(folder: Path, rows: int) -> dict[str, float]:
    """Seconds for each task with the ledger."""
    keys: list[str] = []
    book = Ledger(folder)
    with timed("ledger: write", rows):
        for writer_number in range(WRITERS):
            with book.writer(RESPONDENT) as writer:
                for request, response in calls(range(writer_number, rows, WRITERS)):
                    writer.append(request, response)
                    keys.append(request.key(RESPONDENT))
    print_size(folder)
    with timed("ledger: join the files", rows):
        book.join()
    print_size(folder)
    drop_cache(folder)
    with timed("ledger: open cold", rows) as opening:
        answered = book.answered(RESPONDENT)
    some = random.Random(0).sample(keys, LOOKED_UP)
    drop_cache(folder)
    with timed(f"ledger: reopen and look up {LOOKED_UP} rows", LOOKED_UP) as few:
        assert len(book.responses(RESPONDENT, some)) == LOOKED_UP
    drop_cache(folder)
    with timed("ledger: reopen and look up all rows", rows) as every:
        assert len(book.answered(RESPONDENT).read(keys)) == rows
    del answered
    return {"see which rows there are": opening[0], f"look up {LOOKED_UP}": few[0], "look up all rows": every[0]}


def files(folder: Path, rows: int) -> dict[str, float]:
    """Seconds for each task with one JSON file per response."""
    folder.mkdir()
    keys: list[str] = []
    with timed("files: write", rows):
        for request, response in calls(range(rows)):
            key = request.key(RESPONDENT)
            record = {"request": request.as_record(), "response": dataclasses.asdict(response)}
            (folder / f"{key}.json").write_text(json.dumps(record))
            keys.append(key)
    print_size(folder)
    drop_cache(folder)
    with timed("files: open cold", rows) as opening:
        present = {entry.name for entry in os.scandir(folder)}
    assert len(present) == rows
    some = random.Random(0).sample(keys, LOOKED_UP)
    drop_cache(folder)
    with timed(f"files: reopen and look up {LOOKED_UP} rows", LOOKED_UP) as few:
        read(folder, some)
    drop_cache(folder)
    with timed("files: reopen and look up all rows", rows) as every:
        read(folder, keys)
    return {"see which rows there are": opening[0], f"look up {LOOKED_UP}": few[0], "look up all rows": every[0]}


def read(folder: Path, keys: list[str]) -> None:
    """See which rows there are, then read those of the keys."""
    present = {entry.name for entry in os.scandir(folder)}
    for key in keys:
        if f"{key}.json" in present:
            Response(**json.loads((folder / f"{key}.json").read_text())["response"])


def calls(numbers: range) -> Iterator[tuple[Request, Response]]:
    """Requests and answers of the study's usual lengths."""
    for number in numbers:
        draw = random.Random(number)
        question, answer = (" ".join(draw.choices(WORDS, k=size)) for size in (60, 150))
        yield (
            Request([{"role": "user", "content": f"{number} {question}"}], Sampling(0.8, 300), number),
            Response(answer, "stop", 80, 200, "benchmark fp_1"),
        )


@contextlib.contextmanager
def timed(name: str, rows: int) -> Iterator[list[float]]:
    """Print the time of the block and the rows per second; the time is also left in the list."""
    seconds: list[float] = []
    started = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - started)
    print(f"{name}: {seconds[0]:.2f} s, {rows / seconds[0]:,.0f} rows/s", flush=True)


def print_size(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    print(f"  {len(paths):,} files, {sum(path.stat().st_size for path in paths) / 1e6:,.0f} MB")


def drop_cache(folder: Path) -> None:
    """Drop a folder from the caches: wholly where this may write to /proc, else the contents of its files."""
    os.sync()
    with contextlib.suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return
    for entry in folder.rglob("*"):
        if entry.is_file():
            descriptor = os.open(entry, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


if __name__ == "__main__":
    main()
