"""A server of the job's own: local weights behind an OpenAI-compatible server that lives as long as the job.

The server runs under a supervisor, which ends all of its processes when the job is over, kill -9 included. It must
listen on the loopback interface only, and it is given no key.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx2
import psutil

from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.served import command, supervisor
from warmline.lineage.errors import UserError
from warmline.models import cards, weights
from warmline.models.cards import LocalModel

LOCALHOST = "127.0.0.1"
LOOPBACK = {LOCALHOST, "::1", "::ffff:127.0.0.1"}
LONGEST_START = 1800.0
"""Seconds until a server must answer: 140 GB of weights from a shared disk at 150 MB/s take 16 minutes, and compiling
kernels some more."""
SECONDS_FOR_AN_ANSWER = 10.0
MOST_AT_ONCE = 512
"""Servers compute a few hundred replies together; more calls would only wait in their queue, their time running."""
PAUSE = 0.5
LAST_LINES = 20
LAST_BYTES = 8000
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\t\x20-\x7e\xa0-\uffff]")


@dataclasses.dataclass(frozen=True)
class Served:
    """Where a server answers, and what it calls the model."""

    endpoint: Endpoint
    name: str


@contextlib.contextmanager
def serve(template: str, model: LocalModel, longest_start: float = LONGEST_START) -> Iterator[Served]:
    """Have a model served by the command that `template` makes (warmline.engines.served.command), until the context is
    left.

    Raises UserError if the weights or the adapter are not those that the model names, if the server does not come up in
    `longest_start` seconds, dies, serves something else, or can be reached from other machines.
    """
    command.check(template, "the command in `serve`", tuned=model.adapter is not None)
    weights.verify(model.weights)
    if model.adapter:
        cards.verify(model.adapter)
    port = free_port()
    words = command.words(template, placeholders(model, port))
    command.require_program(template)
    print(f"serving with: {shlex.join(words)}", flush=True)
    with tempfile.TemporaryFile() as log, _reached_directly():
        process = subprocess.Popen(
            # -P: beside the supervisor stand modules whose names shadow those of libraries.
            [sys.executable, "-P", supervisor.__file__, *words],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if not _SECRET.search(name)},
            start_new_session=True,
        )
        assert process.stdin
        try:
            _await_health(process, port, log, longest_start)
            reported = _reported(port)
            name = _served_name(model, list(reported))
            endpoint = Endpoint(
                f"http://{LOCALHOST}:{port}/v1",
                max_concurrency=MOST_AT_ONCE,
                wait_seconds=SECONDS_FOR_AN_ANSWER,
                context_length=reported.get(name) or weights.context_length(model.weights),
            )
            yield Served(endpoint, name)
            if process.poll() is not None:
                raise UserError("the model's server did not live as long as its job.")
        except UserError as error:
            if process.poll() is not None:
                raise UserError(f"{error} {_died(process, log)}") from error
            raise
        finally:
            process.stdin.close()
            process.wait()


def placeholders(model: LocalModel, port: int) -> dict[str, str]:
    """What fills the command's placeholders. Folders are absolute: a server may take a relative one for a hub's id."""
    values = {"model": os.path.abspath(model.weights.folder), "port": str(port), "precision": model.precision}
    if model.adapter:
        values |= {"arm": adapter_name(model.adapter), "adapter": os.path.abspath(model.adapter.folder)}
    return values


def adapter_name(adapter: cards.Adapter) -> str:
    """The arm that an adapter belongs to, from where it stands: `warm@2` for `warm/epoch-2`."""
    folder = Path(adapter.folder)
    return f"{folder.parent.name}@{folder.name.removeprefix('epoch-')}"


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def _reached_directly() -> Iterator[None]:
    """No proxy that the environment names stands between this process and the loopback interface."""
    before = os.environ.get("no_proxy")
    named = before if before is not None else os.environ.get("NO_PROXY", "")
    os.environ["no_proxy"] = ",".join([*filter(None, [named]), LOCALHOST])
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def _await_health(process: subprocess.Popen[bytes], port: int, log: IO[bytes], longest_start: float) -> None:
    deadline = time.monotonic() + longest_start
    while True:
        if process.poll() is not None:
            raise UserError("the model's server did not come up.")
        # Looked at from the start: loading the weights takes minutes, and some servers listen before.
        addresses = _listening(process, port)
        if _is_healthy(port):
            if not addresses and not _listening(process, port):
                raise UserError(
                    f"what answers on port {port} is none of the processes that `serve` started. Run again."
                )
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"the model's server was not healthy after {longest_start:g} seconds. Its last words: "
                f"{_last_words(log)}"
            )
        time.sleep(PAUSE)


def _is_healthy(port: int) -> bool:
    """Whether the server says that it is ready: GET /health, or where that is unknown the list of models."""
    try:
        reply = _get(port, "/health")
        if reply.status_code in (404, 405):
            reply = _get(port, "/v1/models")
    except httpx2.TransportError:
        return False
    return reply.status_code == httpx2.codes.OK


def _get(port: int, path: str) -> httpx2.Response:
    return httpx2.get(f"http://{LOCALHOST}:{port}{path}", timeout=SECONDS_FOR_AN_ANSWER)


def _reported(port: int) -> dict[str, int | None]:
    """The models that the server says it serves: their names, and where it says so, the tokens that each takes.

    Empty where the server has no list: `transformers serve` has one of the hub's cache, if there is a cache.
    """
    try:
        return {str(model["id"]): model.get("max_model_len") for model in _get(port, "/v1/models").json()["data"]}
    except (httpx2.TransportError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _served_name(model: LocalModel, reported: list[str]) -> str:
    """What the server calls the model: by the adapter's name, by the weights' folder, or by the only name it has."""
    if model.adapter:
        if (name := adapter_name(model.adapter)) in reported:
            return name
        raise UserError(
            f"the model's server serves {reported}, not {name}. `serve` must give the adapter the name {{arm}}."
        )
    folder = os.path.abspath(model.weights.folder)
    matching = [name for name in (folder, model.weights.folder, Path(folder).name) if name in reported]
    if matching or len(reported) == 1:
        return (matching or reported)[0]
    if not reported:
        return folder
    raise UserError(f"the model's server serves {reported}, and none of these is {folder}. Correct `serve`.")


def _listening(process: subprocess.Popen[bytes], port: int) -> set[str]:
    """The addresses at which the server's processes listen on the port. Raises UserError if others may reach one."""
    addresses = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found: list[Any] = child.net_connections("tcp")
                listening = [each.laddr for each in found if each.status == psutil.CONN_LISTEN]
                addresses |= {address.ip for address in listening if address.port == port}
    if public := sorted(addresses - LOOPBACK):
        raise UserError(
            f"the model's server listens on {public[0]}, where other machines may reach it. Have it listen on "
            f"{LOCALHOST}: most servers take --host {LOCALHOST} in `serve`."
        )
    return addresses


def _died(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    return f"It died with exit status {process.returncode}. Its last words: {_last_words(log)}"


def _last_words(log: IO[bytes]) -> str:
    """The end of the server's log, printable and without keys."""
    size = os.fstat(log.fileno()).st_size
    # The server writes where this file stands, so it must not be moved.
    tail = os.pread(log.fileno(), LAST_BYTES, max(0, size - LAST_BYTES)).decode("utf-8", "replace")
    for name, value in os.environ.items():
        if _SECRET.search(name) and value:
            tail = tail.replace(value, f"[{name}]")
    lines = _UNPRINTABLE.sub("", tail.replace("\r", "\n")).strip().splitlines()
    return "\n".join(["", *lines[-LAST_LINES:]]) if lines else "none."
