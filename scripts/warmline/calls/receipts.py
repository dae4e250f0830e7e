"""Receipts: what a calling rule leaves, so that calls can be counted and paid for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from warmline.calls.answered import Answered, Found
from warmline.calls.requests import Response
from warmline.lineage import complete_files


def elsewhere(endpoints: Mapping[str, int], url: str) -> str:
    """What a user should know of answers, counted by the URL that was asked, that did not come from `url`."""
    others = {other: rows for other, rows in sorted(endpoints.items()) if other.rstrip("/") != url.rstrip("/")}
    if not others:
        return ""
    told = ", ".join(f"{rows:,} at {other}" for other, rows in others.items())
    return (
        f"the ledger holds answers that were given elsewhere than at {url}: {told}. They count as answers of the same "
        "model; if it is another, tell the two apart by `identity` of this endpoint."
    )


def write(receipt: Receipt, path: Path) -> None:
    """Write the receipt of a batch of calls as JSON."""
    complete_files.write_text(path, json.dumps(receipt.as_json(), indent=1) + "\n")


@dataclasses.dataclass
class Receipt:
    """What a job's requests came to.

    The tokens, finish reasons and lines are those of all rows, whenever they were asked; the rest is what this run did:
    rows newly asked, and those of them that another job asked too, because a claim ran out while its owner was alive;
    seconds, US dollars at the configured prices, the rows that went through local weights together, fewer than
    configured where memory did not hold more, what a probe of the server saw, the day on which the endpoint that was
    asked will stop serving the model, if that is soon, and the rows of the ledger by the URL that was asked for them.

    `lines` holds the key of every row and the digest of its response, in 64 bytes together.
    """

    rows: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reasons: Counter[str] = dataclasses.field(default_factory=Counter)
    lines: bytearray = dataclasses.field(default_factory=bytearray)
    new: int = 0
    asked_twice: int = 0
    seconds: float = 0.0
    usd: float = 0.0
    batch_size: int | None = None
    shutdown_date: str | None = None
    probe: dict[str, Any] | None = None
    endpoints: Counter[str] = dataclasses.field(default_factory=Counter)

    def add(self, key: bytes, digest: bytes, response: Response, endpoint: str | None) -> None:
        """Count one answer, by its key and the digest of the response, in 32 bytes each."""
        self.lines += key + digest
        self.answers += 1
        self.prompt_tokens += response.prompt_tokens
        self.completion_tokens += response.completion_tokens
        self.finish_reasons[response.finish_reason] += 1
        if endpoint:
            self.endpoints[endpoint] += 1

    def add_found(self, found: Found, answered: Answered) -> None:
        """Count answers that the ledger holds."""
        self.lines += found.rows["line"].tobytes()
        self.answers += len(found.rows)
        self.prompt_tokens += int(found.rows["prompt_tokens"].sum())
        self.completion_tokens += int(found.rows["completion_tokens"].sum())
        self.finish_reasons.update(answered.finish_reasons(found))
        self.endpoints.update(answered.endpoints(found))

    def forget_answers(self) -> None:
        """Count the answers anew; what this run did stays."""
        self.answers = self.prompt_tokens = self.completion_tokens = 0
        self.finish_reasons.clear()
        self.endpoints.clear()
        self.lines.clear()

    def root(self) -> str:
        """One SHA-256 over all lines, in whatever order they came: over key and digest of each, sorted by key."""
        rows = np.sort(np.frombuffer(bytes(self.lines), dtype="S64"))
        return hashlib.sha256(rows[np.append(True, rows[1:] != rows[:-1])[: len(rows)]].tobytes()).hexdigest()

    def __add__(self, other: Receipt) -> Receipt:
        """What two rounds of requests of one job came to."""
        values = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("batch_size", "shutdown_date", "probe")
        }
        return Receipt(
            **values,
            batch_size=other.batch_size or self.batch_size,
            shutdown_date=self.shutdown_date or other.shutdown_date,
            probe=self.probe or other.probe,
        )

    def as_json(self) -> dict[str, Any]:
        """The receipt as it is written."""
        return {
            "rows": self.rows,
            "answers": self.answers,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "finish_reasons": dict(sorted(self.finish_reasons.items())),
            "root": self.root(),
            "this_run": {
                "new": self.new,
                "asked_twice": self.asked_twice,
                "from_ledger": self.answers - self.new,
                "seconds": round(self.seconds, 3),
                "usd": round(self.usd, 6),
                **({"batch_size": self.batch_size} if self.batch_size else {}),
                **({"shutdown_date": self.shutdown_date} if self.shutdown_date else {}),
                **({"probe": self.probe} if self.probe else {}),
                **({"endpoints": dict(sorted(self.endpoints.items()))} if self.endpoints else {}),
            },
        }
