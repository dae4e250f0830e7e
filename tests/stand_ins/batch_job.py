"""A process that asks in batches until it is killed: `python batch_job.py URL LEDGER QUESTIONS MOST_ROWS`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from warmline.calls.ask import ask
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Sampling
from warmline.engines.remote.batch import BatchEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.models.cards import RemoteModel

MODEL = RemoteModel("m")


def question(number: int, words: int = 1) -> Request:
    content = f"question {number}" + " indeed" * (words - 1)
    return Request([{"role": "user", "content": content}], Sampling(0.0, 24), seed=7)


def questions(number: int) -> Iterator[Request]:
    return map(question, range(number))


def engine(url: str, ledger: Ledger, key: str | None = None, most_rows: int = 1000, **limits: int) -> BatchEngine:
    endpoint = Endpoint(url, key, "batch", timeout_seconds=2.0)
    pauses = {"first_pause": 0.01, "longest_pause": 0.05}
    return BatchEngine(MODEL.respondent, MODEL.name, endpoint, ledger, most_rows=most_rows, **pauses, **limits)


if __name__ == "__main__":
    url, folder, number, most_rows = sys.argv[1:]
    print("begins", flush=True)
    kept = Ledger(folder)
    ask(questions(int(number)), engine(url, kept, most_rows=int(most_rows)), kept)
