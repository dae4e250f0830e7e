"""A campaign of faults: runs of a calling script that meet a random fault and are killed at a random moment.

An arm is asked thousands of prompts at a simulated endpoint, once through chat completions and once through the Batch
API. Every run meets faults and is ended by SIGKILL; the last one is left alone. Told are: rows lost, rows asked again
although their answer was in the ledger, and whether the final table is byte for byte that of an undisturbed run. A call
whose reply was on its way when the process was killed, or was cut off, is billed and lost; those are counted apart.

    python benchmarks/faults.py
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl

from warmline.answers import generations
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Sampling
from warmline.engines.remote.endpoint import body
from warmline.lineage import digests
from warmline.models import cards
from warmline.models.cards import Arm, RemoteModel
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.prompts import PROMPTS

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests/stand_ins"))
from openai_simulator.client import Simulator  # noqa: E402

ARM = Arm("large", "original", None, None, RemoteModel("large"), None, {"questions": Sampling(0.8, 64)}, "")
CHAT = "/v1/chat/completions"
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 429}),
    ("status", {"status": 429, "retry_after": 0.3}),
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("drop", {}),
    ("truncate", {}),
    ("hang", {"seconds": 2}),
    ("slow", {"seconds": 1}),
]
CHAT_FAULTS: list[tuple[str, dict[str, Any]]] = [*FAULTS, ("no_choices", {}), ("no_usage", {})]
BATCH_OUTCOMES: list[tuple[str, dict[str, Any]]] = [
    ("completed", {}),
    ("completed", {"row_errors": {"0": 500, "3": 429}}),
    ("expired", {"done": 0.5}),
    ("failed", {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}),
]


class Campaign:
    """One mode's runs. Their outcome is in the attributes when `run` returns."""

    def __init__(self, folder: Path, mode: str, rows: int, seed: int) -> None:
        self.folder, self.mode = folder, mode
        self.draw = random.Random(seed)
        folder.mkdir()
        self.simulator = Simulator.start(folder)
        self.simulator.set(latency=0.2, in_flight_limit=16, batch_seconds=0.5)
        cards.write(ARM, folder / "arm.json")
        self.asked = pl.DataFrame(
            [
                {
                    "item": f"row-{number:05d}",
                    "statement": None,
                    "messages": [{"role": "user", "content": f"Question {number} of the campaign"}],
                    "seed": number,
                }
                for number in range(rows)
            ],
            schema=PROMPTS.schema,
        )
        requests = list(generations.requests(self.asked, ARM, "questions"))
        self.requests = {request.key(ARM.answerer.respondent): request for request in requests}
        self.bodies = {key: _body_digest(request) for key, request in self.requests.items()}
        self.asked_again = self.killed = self.ended = 0

    def run(self, runs: int) -> None:
        for number in range(runs):
            # Every run is asked for some rows more, so that there is work for the last ones too.
            self._write_prompts(len(self.requests) * (number + 1) // runs)
            known = self._known()
            before = self.simulator.counts()["answered"]
            self._order_faults()
            process = self._start("ledger")
            if self._outlives(process, self._moment(process)):
                process.kill()
                self.killed += 1
            else:
                self.ended += 1
            process.wait()
            after = self.simulator.counts()["answered"]
            self.asked_again += sum(after[self.bodies[key]] > before[self.bodies[key]] for key in known)

    def _moment(self, process: subprocess.Popen[str]) -> float:
        """Wait until a run has written to the ledger, in four of five, and return for how long it may go on."""
        if self.draw.random() < 0.2:
            return self.draw.uniform(0.0, 3.0)
        before = self._written()
        while process.poll() is None and self._written() == before:
            time.sleep(0.02)
        return self.draw.uniform(0.0, 2.0)

    @staticmethod
    def _outlives(process: subprocess.Popen[str], seconds: float) -> bool:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _written(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "ledger").rglob("*.jsonl"))

    def finish(self) -> dict[str, Any]:
        """The last run, undisturbed, and the comparison with one into a ledger of its own."""
        self.simulator.clear()
        process = self._start("ledger")
        output = process.communicate()[0]
        assert process.returncode == 0, output
        counts = self.simulator.counts()
        billed = sum(counts["answered"][digest] for digest in self.bodies.values())
        known = self._known()
        self.simulator.close()
        self.simulator = Simulator.start(self.folder)
        self.simulator.set(batch_seconds=0.5)
        process = self._start("clean ledger")
        output = process.communicate()[0]
        assert process.returncode == 0, output
        self.simulator.close()
        left, right = (self._project(name) for name in ("ledger", "clean ledger"))
        return {
            "mode": self.mode,
            "killed": self.killed,
            "ended before the kill": self.ended,
            "rows": len(self.requests),
            "rows lost": len(self.requests) - len(known),
            "answered rows asked again": self.asked_again,
            "billed and lost on the way": billed - len(self.requests),
            "byte-equal to an undisturbed run": left == right,
        }

    def _write_prompts(self, rows: int) -> None:
        parquet_tables.write(self.asked.head(rows), PROMPTS, self.folder / "prompts.parquet")

    def _known(self) -> set[str]:
        return set(Ledger(self.folder / "ledger").responses(ARM.answerer.respondent, self.requests))

    def _order_faults(self) -> None:
        self.simulator.clear()
        for _ in range(self.draw.randint(1, 3)):
            if self.mode == "chat":
                fault, details = self.draw.choice(CHAT_FAULTS)
                self.simulator.order(CHAT, fault, times=self.draw.randint(1, 8), **details)
            elif self.draw.random() < 0.5:
                fault, details = self.draw.choice(FAULTS)
                self.simulator.order(self.draw.choice(["/v1/files", "/v1/batches"]), fault, **details)
            else:
                outcome, details = self.draw.choice(BATCH_OUTCOMES)
                self.simulator.next_batch(outcome, **details)

    def _start(self, ledger: str) -> subprocess.Popen[str]:
        endpoint = {"url": self.simulator.url, "mode": self.mode, "timeout-seconds": 5}
        command = ["scripts/answers/ask.py", "--arm", self.folder / "arm.json", "--ledger", self.folder / ledger]
        command += ["--prompts", self.folder / "prompts.parquet", "--calls", "ask", "--endpoint", json.dumps(endpoint)]
        command += ["--label", "campaign", "--receipt", self.folder / "questions.json"]
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _project(self, ledger: str) -> bytes:
        answers = Ledger(self.folder / ledger).responses(ARM.answerer.respondent, self.requests)
        asked = parquet_tables.read(self.folder / "prompts.parquet", PROMPTS)
        table = generations.generations(asked, [(key, answers[key]) for key in self.requests])
        parquet_tables.write(table, GENERATIONS, self.folder / f"{ledger}.parquet")
        return (self.folder / f"{ledger}.parquet").read_bytes()


def _body_digest(request: Request) -> str:
    return digests.of_value(body(request, "large", {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="half of them in each mode")
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=652)
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        campaigns = [Campaign(Path(folder) / mode, mode, arguments.rows, arguments.seed) for mode in ("chat", "batch")]
        threads = [threading.Thread(target=campaign.run, args=(arguments.runs // 2,)) for campaign in campaigns]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for campaign in campaigns:
            for name, value in campaign.finish().items():
                print(f"{name}: {value}")
            print()
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
