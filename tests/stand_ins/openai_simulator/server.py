"""The HTTP side: routes, keys and ordered faults."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openai_simulator import batches, chat, tuning
from openai_simulator.world import ApiError, Order, World, digest, page

# Faults of the reply's content; the others are of the connection or of any reply.
USABLE = {"slow", "text", "length", "content_filter"}


def application() -> ASGIApp:
    world = World()

    def route(path: str, handler: Callable[[World, Request], Awaitable[Any]], method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            batches.advance(world)
            tuning.advance(world)
            reply = await handler(world, request)
            return reply if isinstance(reply, Response) else JSONResponse(reply)

        return Route(path, endpoint, methods=[method])

    async def complete(request: Request) -> Response:
        return await chat_completion(world, request)

    routes = [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        route("/v1/files", upload, "POST"),
        route("/v1/files", list_files),
        route("/v1/files/{id}", show_file),
        route("/v1/files/{id}", delete_file, "DELETE"),
        route("/v1/files/{id}/content", file_content),
        route("/v1/batches", create_batch, "POST"),
        route("/v1/batches", list_batches),
        route("/v1/batches/{id}", show_batch),
        route("/v1/batches/{id}/cancel", cancel_batch, "POST"),
        route("/v1/fine_tuning/jobs", create_job, "POST"),
        route("/v1/fine_tuning/jobs", list_jobs),
        route("/v1/fine_tuning/jobs/{id}", show_job),
        route("/v1/fine_tuning/jobs/{id}/cancel", cancel_job, "POST"),
        route("/v1/fine_tuning/jobs/{id}/events", job_events),
        route("/v1/fine_tuning/jobs/{id}/checkpoints", job_checkpoints),
        route("/v1/models", list_models),
        route("/v1/models/{id:path}", show_model),
        route("/control/order", take_order, "POST"),
        route("/control/set", change_settings, "POST"),
        route("/control/next_batch", next_batch, "POST"),
        route("/control/next_tuning", next_tuning, "POST"),
        route("/control/clear", clear, "POST"),
        route("/control/counts", counts),
    ]
    return Front(world, Starlette(routes=routes, exception_handlers={ApiError: refusal}))


class Front:
    """What comes before the routes: the key, and the faults that befall any request."""

    def __init__(self, world: World, inner: ASGIApp) -> None:
        self.world = world
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/control/"):
            return await self.inner(scope, receive, send)
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        self.world.authorization[authorization] = None
        key = os.environ.get("SIMULATOR_KEY")
        if key and authorization != f"Bearer {key}":
            message = f"Incorrect API key provided: {authorization.removeprefix('Bearer ')}."
            return await refuse(ApiError(401, message, "invalid_api_key"))(scope, receive, send)
        if scope["path"] == "/v1/chat/completions":
            self.world.counts["chat_received"] += 1
        scope["order"] = order = self.world.take_order(scope["method"], scope["path"])
        fault, details = (order.fault, order.details) if order else (None, {})
        if fault == "status":
            await read_all(receive)
            response = refuse(ApiError(details["status"], details.get("message", "as ordered"), details.get("code")))
            if "retry_after" in details:
                response.headers["retry-after"] = str(details["retry_after"])
            await response(scope, receive, send)
        elif fault == "reply":
            await read_all(receive)
            content, kind = details["content"], details.get("kind", "application/json")
            reply = Response(content, details.get("status", 200), details.get("headers"), kind)
            await reply(scope, receive, send)
        elif fault == "drop":
            if details.get("carried_out"):
                await self.inner(scope, receive, swallow)
            await drop(receive, send)
        elif fault == "hang":
            await read_all(receive)
            await asyncio.wait([asyncio.ensure_future(disconnect(receive))], timeout=details["seconds"])
            await drop(receive, send)
        elif fault == "truncate":
            await self.inner(scope, receive, truncating(send, details.get("broken_off", False)))
            if details.get("broken_off"):
                await drop(receive, send)
        else:
            if fault == "slow":
                await asyncio.sleep(details["seconds"])
            await self.inner(scope, receive, send)


async def read_all(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def swallow(message: Message) -> None:
    pass


async def drop(receive: Receive, send: Send) -> None:
    """Close the connection without a reply, which ASGI has no word for: uvicorn's transport is behind `send`."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await disconnect(receive)


def truncating(send: Send, broken_off: bool) -> Send:
    """Sends half of a reply's body: as if it were the whole, or as the beginning of the whole."""
    start: Message = {}

    async def cut(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        half = message["body"][: len(message["body"]) // 2]
        length = len(message["body"] if broken_off else half)
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(length).encode())]})
        await send({"type": "http.response.body", "body": half, "more_body": broken_off})

    return cut


def refuse(error: ApiError) -> JSONResponse:
    return JSONResponse({"error": error.error}, error.status)


async def refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return refuse(error)


async def chat_completion(world: World, request: Request) -> Response:
    order: Order | None = request.scope["order"]
    fault, details = (order.fault, order.details) if order else (None, {})
    limit = world.settings.in_flight_limit
    body = await request.body()
    if limit is not None and world.in_flight >= limit:
        world.counts["chat_rejected"] += 1
        raise ApiError(429, f"Rate limit reached: {limit} calls at once.", "rate_limit_exceeded", "requests")
    world.in_flight += 1
    world.counts["most_in_flight"] = max(world.counts["most_in_flight"], world.in_flight)
    try:
        if world.settings.latency:
            await asyncio.sleep(world.settings.latency)
        values = json.loads(body)
        reply = chat.completion(world, values, fault, details.get("text"))
        # A caller who is gone gets no answer and is not billed.
        if (fault is None or fault in USABLE) and not await request.is_disconnected():
            world.answered[digest(values)] += 1
            world.counts["chat"] += 1
        return JSONResponse(reply)
    finally:
        world.in_flight -= 1


async def upload(world: World, request: Request) -> Any:
    async with request.form() as form:
        file, purpose = form.get("file"), form.get("purpose")
        if not isinstance(file, UploadFile) or purpose not in ("batch", "fine-tune"):
            raise ApiError(400, "A file and its purpose are needed.", param="purpose")
        if purpose == "batch" and (file.size or 0) > batches.MOST_BYTES:
            raise ApiError(413, f"The file is larger than {batches.MOST_BYTES} bytes.", param="file")
        world.counts["files"] += 1
        return world.keep_file(await file.read(), file.filename or "upload", purpose)


async def list_files(world: World, request: Request) -> Any:
    purpose = request.query_params.get("purpose")
    files = [stored.about for stored in world.files.values() if purpose in (None, stored.about["purpose"])]
    if request.query_params.get("order") != "asc":
        files.reverse()
    return page(files, request.query_params, 10_000)


async def show_file(world: World, request: Request) -> Any:
    return find(world.files, request).about


async def delete_file(world: World, request: Request) -> Any:
    del world.files[find(world.files, request).about["id"]]
    return {"id": request.path_params["id"], "object": "file", "deleted": True}


async def file_content(world: World, request: Request) -> Any:
    return Response(find(world.files, request).content, media_type="application/octet-stream")


async def create_batch(world: World, request: Request) -> Any:
    return batches.create(world, await request.json())


async def list_batches(world: World, request: Request) -> Any:
    return page([batch.about for batch in reversed(world.batches.values())], request.query_params, 20)


async def show_batch(world: World, request: Request) -> Any:
    return find(world.batches, request).about


async def cancel_batch(world: World, request: Request) -> Any:
    batch = find(world.batches, request)
    batches.cancel(batch)
    return batch.about


async def create_job(world: World, request: Request) -> Any:
    return tuning.create(world, await request.json())


async def list_jobs(world: World, request: Request) -> Any:
    wanted = {
        name.removeprefix("metadata[").rstrip("]"): value
        for name, value in request.query_params.items()
        if name.startswith("metadata[")
    }
    jobs = [
        job.about
        for job in reversed(world.tuning_jobs.values())
        if wanted.items() <= (job.about["metadata"] or {}).items()
    ]
    return page(jobs, request.query_params, 20)


async def show_job(world: World, request: Request) -> Any:
    return find(world.tuning_jobs, request).about


async def cancel_job(world: World, request: Request) -> Any:
    job = find(world.tuning_jobs, request)
    tuning.cancel(world, job)
    return job.about


async def job_events(world: World, request: Request) -> Any:
    return page(find(world.tuning_jobs, request).events[::-1], request.query_params, 20)


async def job_checkpoints(world: World, request: Request) -> Any:
    return page(find(world.tuning_jobs, request).checkpoints[::-1], request.query_params, 10)


async def list_models(world: World, request: Request) -> Any:
    tuned = [
        checkpoint["fine_tuned_model_checkpoint"]
        for job in world.tuning_jobs.values()
        for checkpoint in job.checkpoints
    ]
    return {"object": "list", "data": [model(world, name) for name in [*world.settings.shutdown_dates, *tuned]]}


async def show_model(world: World, request: Request) -> Any:
    name = request.path_params["id"]
    if name.startswith("unknown"):
        raise ApiError(404, f"The model '{name}' does not exist", "model_not_found", param="model")
    return model(world, name)


def model(world: World, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "simulator",
        "shutdown_date": world.settings.shutdown_dates.get(name),
    }


def find(kept: dict[str, Any], request: Request) -> Any:
    identifier = request.path_params["id"]
    if identifier not in kept:
        raise ApiError(404, f"No such object: {identifier}", "not_found", param="id")
    return kept[identifier]


async def take_order(world: World, request: Request) -> Any:
    world.orders.append(Order(**await request.json()))
    return {}


async def change_settings(world: World, request: Request) -> Any:
    for name, value in (await request.json()).items():
        if not hasattr(world.settings, name):
            raise ApiError(400, f"there is no setting {name}")
        setattr(world.settings, name, value)
    return {}


async def next_batch(world: World, request: Request) -> Any:
    world.batch_fates.append(await request.json())
    return {}


async def next_tuning(world: World, request: Request) -> Any:
    world.tuning_fates.append(await request.json())
    return {}


async def clear(world: World, request: Request) -> Any:
    world.orders.clear()
    world.batch_fates.clear()
    world.tuning_fates.clear()
    return {}


async def counts(world: World, request: Request) -> Any:
    numbers = ["chat", "chat_received", "chat_rejected", "files", "batches", "batch_rows", "tuning_jobs"]
    return {
        **{name: world.counts[name] for name in [*numbers, "most_in_flight"]},
        "answered": {identity.hex(): number for identity, number in world.answered.items()},
        "authorization": list(world.authorization),
    }
