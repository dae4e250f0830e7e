"""Receipts: what a calling rule leaves, so that calls can be counted and paid for."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

from warmline.calls.requests import Response
from warmline.lineage import complete_files


def write(receipt: Receipt, path: Path) -> None:
    """Write the receipt of a batch of calls as JSON."""
    complete_files.write_text(path, json.dumps(receipt.as_json(), indent=1) + "\n")


@dataclasses.dataclass
class Receipt:
    """What a job's requests came to.

    The tokens and finish reasons are those of all rows, whenever they were asked; the rest is what this run did: rows
    newly asked, seconds, US dollars at the configured prices, the rows that went through local weights together, fewer
    than configured where memory did not hold more, and the day on which the endpoint that was asked will stop serving
    the model, if that is soon.
    """

    rows: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reasons: Counter[str] = dataclasses.field(default_factory=Counter)
    new: int = 0
    seconds: float = 0.0
    usd: float = 0.0
    batch_size: int | None = None
    shutdown_date: str | None = None

    def add(self, response: Response) -> None:
        """Count one answer."""
        self.answers += 1
        self.prompt_tokens += response.prompt_tokens
        self.completion_tokens += response.completion_tokens
        self.finish_reasons[response.finish_reason] += 1

    def __add__(self, other: Receipt) -> Receipt:
        """What two rounds of requests of one job came to."""
        values = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("batch_size", "shutdown_date")
        }
        return Receipt(
            **values,
            batch_size=other.batch_size or self.batch_size,
            shutdown_date=self.shutdown_date or other.shutdown_date,
        )

    def as_json(self) -> dict[str, Any]:
        """The receipt as it is written."""
        return {
            "rows": self.rows,
            "answers": self.answers,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "finish_reasons": dict(sorted(self.finish_reasons.items())),
            "this_run": {
                "new": self.new,
                "from_ledger": self.answers - self.new,
                "seconds": round(self.seconds, 3),
                "usd": round(self.usd, 6),
                **({"batch_size": self.batch_size} if self.batch_size else {}),
                **({"shutdown_date": self.shutdown_date} if self.shutdown_date else {}),
            },
        }
