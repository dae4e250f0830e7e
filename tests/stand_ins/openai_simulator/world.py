"""All that the simulator knows: its settings, the orders that it was given, what it holds and what it has counted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections import Counter, deque
from typing import Any


class ApiError(Exception):
    """An error reply, laid out as the official API does it."""

    def __init__(
        self, status: int, message: str, code: str | None = None, kind: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        default = "server_error" if status >= 500 else "invalid_request_error"
        self.error = {"message": message, "type": kind or default, "param": param, "code": code}


@dataclasses.dataclass
class Order:
    """A fault for the next `times` requests whose path starts with `path`, and whose method is `method` if given."""

    path: str
    fault: str
    times: int
    details: dict[str, Any]


@dataclasses.dataclass
class Settings:
    """Standing behaviour. `latency` is that of chat calls; batches and tuning jobs take their seconds.

    `habit` is what the server does otherwise than it is told: ignores_seeds, varies, greedy, ignores_top_p; narrows,
    unless it is told of top_k, min_p and a repetition penalty, which all but servers of this habit refuse;
    top_k_of_0_is_1, which takes these too, but a top_k of 0 for one token.
    """

    latency: float = 0.0
    in_flight_limit: int | None = None
    batch_seconds: float = 0.0
    tuning_seconds: float = 0.0
    chat_answer: str | None = None
    habit: str | None = None
    shutdown_dates: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class StoredFile:
    about: dict[str, Any]
    content: bytes


@dataclasses.dataclass
class World:
    settings: Settings = dataclasses.field(default_factory=Settings)
    orders: list[Order] = dataclasses.field(default_factory=list)
    batch_fates: deque[dict[str, Any]] = dataclasses.field(default_factory=deque)
    tuning_fates: deque[dict[str, Any]] = dataclasses.field(default_factory=deque)
    files: dict[str, StoredFile] = dataclasses.field(default_factory=dict)
    batches: dict[str, Any] = dataclasses.field(default_factory=dict)
    tuning_jobs: dict[str, Any] = dataclasses.field(default_factory=dict)
    answered: Counter[bytes] = dataclasses.field(default_factory=Counter)
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    authorization: dict[str, None] = dataclasses.field(default_factory=dict)
    in_flight: int = 0
    _identifiers: int = 0

    def identifier(self, prefix: str) -> str:
        self._identifiers += 1
        return f"{prefix}{self._identifiers:024x}"

    def take_order(self, method: str, path: str) -> Order | None:
        """The first order that concerns a request, which is thereby carried out once."""
        for order in self.orders:
            if path.startswith(order.path) and order.details.get("method", method) == method:
                order.times -= 1
                if not order.times:
                    self.orders.remove(order)
                return order
        return None

    def keep_file(self, content: bytes, filename: str, purpose: str) -> dict[str, Any]:
        about: dict[str, Any] = {
            "id": self.identifier("file-"),
            "object": "file",
            "bytes": len(content),
            "created_at": now(),
            "expires_at": None,
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        self.files[about["id"]] = StoredFile(about, content)
        return about


def now() -> int:
    return int(time.time())


def digest(body: Any) -> bytes:
    """SHA-256 of a value's canonical JSON."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def share(rows: int, part: float) -> int:
    return min(rows, math.floor(rows * part))


def page(rows: list[dict[str, Any]], query: Any, default: int) -> dict[str, Any]:
    """A page of a list, as `after` and `limit` ask for it."""
    limit = int(query.get("limit") or default)
    if after := query.get("after"):
        places = [place for place, row in enumerate(rows) if row["id"] == after]
        if not places:
            raise ApiError(404, f"No such object: {after}", "not_found", param="after")
        rows = rows[places[0] + 1 :]
    shown = rows[:limit]
    return {
        "object": "list",
        "data": shown,
        "has_more": len(rows) > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
