"""The Batch API: a batch's state follows from the time since its creation and from the fate ordered for it."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

from openai_simulator import chat
from openai_simulator.world import ApiError, World, digest, now, share

MOST_ROWS = 50_000
MOST_BYTES = 200_000_000
WINDOW_SECONDS = 24 * 3600
FINAL = {"completed", "failed", "expired", "cancelled"}


@dataclasses.dataclass
class Batch:
    about: dict[str, Any]
    fate: dict[str, Any]
    rows: list[dict[str, Any]]
    begun: float
    seconds: float


def create(world: World, values: dict[str, Any]) -> dict[str, Any]:
    stored = world.files.get(str(values.get("input_file_id")))
    if stored is None or stored.about["purpose"] != "batch":
        raise ApiError(400, f"Invalid input_file_id: {values.get('input_file_id')}", param="input_file_id")
    if values.get("endpoint") != "/v1/chat/completions" or values.get("completion_window") != "24h":
        raise ApiError(400, "Only /v1/chat/completions within 24h is served", param="endpoint")
    fate = world.batch_fates.popleft() if world.batch_fates else {"outcome": "completed"}
    created = now()
    about = {
        "id": world.identifier("batch_"),
        "object": "batch",
        "endpoint": values["endpoint"],
        "errors": None,
        "input_file_id": values["input_file_id"],
        "completion_window": values["completion_window"],
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": created,
        "in_progress_at": None,
        "expires_at": created + WINDOW_SECONDS,
        **{f"{state}_at": None for state in ("finalizing", "completed", "failed", "expired")},
        **{f"{state}_at": None for state in ("cancelling", "cancelled")},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": values.get("metadata"),
    }
    rows, errors = read_rows(stored.content, values["endpoint"])
    if fate["outcome"] == "failed":
        errors = [{"code": fate["code"], "line": None, "message": fate["message"], "param": None}]
    if errors:
        fate = {"outcome": "failed", "errors": errors}
    world.counts["batches"] += 1
    world.counts["batch_rows"] += 0 if errors else len(rows)
    world.batches[about["id"]] = Batch(about, fate, rows, time.monotonic(), world.settings.batch_seconds)
    return about


def read_rows(content: bytes, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of an input file, and what is wrong with them."""
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            row = json.loads(line)
            custom_id, known = row["custom_id"], row["method"] == "POST" and row["url"] == endpoint
            model = row["body"]["model"]
        except (ValueError, KeyError, TypeError):
            errors.append(_fault("invalid_json_line", number, "This line is not a request in JSON."))
            continue
        if not known:
            errors.append(_fault("invalid_url", number, "The method or URL differs from the batch's."))
        elif custom_id in seen:
            errors.append(_fault("duplicate_custom_id", number, f"The custom_id {custom_id} is used before."))
        elif str(model).startswith("unknown"):
            errors.append(_fault("model_not_found", number, f"The provided model '{model}' is not supported."))
        seen.add(custom_id)
        rows.append(row)
    if len({row["body"]["model"] for row in rows}) > 1:
        errors.append(_fault("mismatched_model", None, "All requests of a batch must be to one model."))
    if len(rows) > MOST_ROWS:
        errors = [_fault("too_many_tasks", None, f"The batch exceeds the limit of {MOST_ROWS} requests.")]
    if not rows and not errors:
        errors = [_fault("empty_file", None, "The file is empty.")]
    return rows, errors[:50]


def _fault(code: str, line: int | None, message: str) -> dict[str, Any]:
    return {"code": code, "line": line, "message": message, "param": None}


def advance(world: World) -> None:
    """Bring all batches to where they stand now."""
    for batch in world.batches.values():
        if batch.about["status"] in FINAL:
            continue
        passed = (time.monotonic() - batch.begun) / batch.seconds if batch.seconds else 1.0
        if passed >= 1:
            finish(world, batch)
        elif batch.about["status"] != "cancelling" and passed >= 0.1 and batch.fate["outcome"] != "failed":
            counts = {"total": len(batch.rows), "completed": share(len(batch.rows), passed), "failed": 0}
            batch.about |= {"status": "in_progress", "request_counts": counts}
            batch.about["in_progress_at"] = batch.about["in_progress_at"] or now()


def cancel(batch: Batch) -> None:
    """A cancelled batch keeps what it has answered so far."""
    if batch.about["status"] in FINAL:
        raise ApiError(409, f"Cannot cancel a batch with status '{batch.about['status']}'.")
    passed = (time.monotonic() - batch.begun) / batch.seconds if batch.seconds else 1.0
    batch.fate = {"outcome": "cancelled", "done": min(1.0, passed)}
    batch.begun, batch.seconds = time.monotonic(), batch.seconds / 10
    batch.about |= {"status": "cancelling", "cancelling_at": now()}


def finish(world: World, batch: Batch) -> None:
    outcome = batch.fate["outcome"]
    batch.about |= {"status": outcome, f"{outcome}_at": now()}
    if outcome == "failed":
        batch.about["errors"] = {"object": "list", "data": batch.fate["errors"]}
        return
    done = len(batch.rows) if outcome == "completed" else share(len(batch.rows), batch.fate.get("done", 0.0))
    row_errors = {int(position): status for position, status in batch.fate.get("row_errors", {}).items()}
    output: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for position, row in enumerate(batch.rows):
        line: dict[str, Any] = {"id": world.identifier("batch_req_"), "custom_id": row["custom_id"]}
        if position >= done:
            message = "This request could not be executed before the completion window expired."
            if outcome == "cancelled":
                message = "This request was not executed: the batch was cancelled."
            errors.append(line | {"response": None, "error": {"code": f"batch_{outcome}", "message": message}})
            continue
        try:
            if status := row_errors.get(position):
                raise ApiError(status, f"This row meets status {status}.")
            body, status = chat.completion(world, row["body"]), 200
        except ApiError as error:
            body, status = {"error": error.error}, error.status
        response = {"status_code": status, "request_id": world.identifier("req_"), "body": body}
        (output if status == 200 else errors).append(line | {"response": response, "error": None})
        if status == 200:
            world.answered[digest(row["body"])] += 1
    for name, lines in (("output", output), ("error", errors)):
        if lines:
            content = "".join(json.dumps(line) + "\n" for line in lines).encode()
            kept = world.keep_file(content, f"{batch.about['id']}_{name}.jsonl", "batch_output")
            batch.about[f"{name}_file_id"] = kept["id"]
    counts = {"total": len(batch.rows), "completed": len(output), "failed": len(errors)}
    batch.about |= {"request_counts": counts, "finalizing_at": now()}
    batch.about["in_progress_at"] = batch.about["in_progress_at"] or now()
    # What a finished batch was about is in its files.
    batch.rows = []
