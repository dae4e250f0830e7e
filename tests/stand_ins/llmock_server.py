"""llmock, an OpenAI-compatible server by another author, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

START_SECONDS = 60.0


class Llmock:
    """A running llmock at the address `root`; `url` is what an OpenAI client takes."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.url = f"{root}/v1"

    def behave(self, *behaviours: dict[str, Any]) -> None:
        """Queue behaviours, each for the next request or as many as its `times` says."""
        self._post("scenario", {"behaviors": behaviours})

    def reset(self) -> None:
        """Have it forget what it has seen and was told."""
        self._post("reset", {})

    def report(self, name: str) -> Any:
        """What llmock has seen (requests) or thinks (verdict) of its client."""
        with urllib.request.urlopen(f"{self.root}/_llmock/{name}", timeout=60) as reply:
            return json.load(reply)

    def _post(self, name: str, values: dict[str, Any]) -> None:
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.root}/_llmock/{name}", json.dumps(values).encode(), headers)
        urllib.request.urlopen(request, timeout=60).close()


@contextlib.contextmanager
def running(*options: str) -> Iterator[Llmock]:
    """Start llmock on a free port of 127.0.0.1 and end it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "llmock.cli", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Llmock(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                server.report("requests")
                break
            except urllib.error.URLError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()
