"""The simulator as a test sees it: a process to start, order faults from, and read counts of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

START_SECONDS = 30.0


class Simulator:
    """A running simulator. `url` ends in /v1; `process` is None where someone else started it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.url = url
        self.process = process

    @classmethod
    def start(cls, folder: Path, key: str | None = None, port: int = 0) -> Simulator:
        """Start one in a process of its own, which refuses other keys than `key`; `folder` takes its port file.

        It listens on `port`, or on a free one.
        """
        port_file = folder / "simulator_port"
        port_file.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != "SIMULATOR_KEY"}
        process = subprocess.Popen(
            [sys.executable, "-m", "openai_simulator", "--port-file", str(port_file), "--port", str(port)],
            cwd=Path(__file__).parent.parent,
            env=environment | ({"SIMULATOR_KEY": key} if key else {}),
            stdin=subprocess.PIPE,
        )
        simulator = cls("", process)
        deadline = time.monotonic() + START_SECONDS
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                simulator.close()
                raise RuntimeError(f"the simulator did not start (status {process.returncode})")
            time.sleep(0.02)
        simulator.url = f"http://127.0.0.1:{port_file.read_text()}/v1"
        return simulator

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()

    def order(self, path: str, fault: str, times: int = 1, **details: Any) -> None:
        """Have a fault befall the next `times` requests whose path starts with `path` (and of `method`, if given).

        Faults of any request: status (status, code, message, retry_after), reply (content, and unless they are 200,
        application/json and none: status, kind, headers), drop (connection closed without a reply;
        with `carried_out`, after the request was carried out), truncate (the reply ends in the middle; with
        `broken_off`, by losing the connection), hang (seconds), slow (seconds). Of chat calls: no_choices, no_usage,
        content_filter, length, wrong_model, text (text).
        """
        self._control("order", {"path": path, "fault": fault, "times": times, "details": details})

    def set(self, **settings: Any) -> None:
        """Change standing behaviour: the fields of world.Settings."""
        self._control("set", settings)

    def next_batch(self, outcome: str, **details: Any) -> None:
        """Decide the fate of the next batch to be created that has none.

        completed (row_errors: {position: status}), expired or cancelled (done: fraction answered; row_errors), failed
        (code, message).
        """
        self._control("next_batch", {"outcome": outcome, **details})

    def next_tuning(self, outcome: str, **details: Any) -> None:
        """Decide the fate of the next tuning job to be created: succeeded, failed (message) or closed."""
        self._control("next_tuning", {"outcome": outcome, **details})

    def clear(self) -> None:
        """Forget the faults and fates that were ordered and have not befallen anything yet."""
        self._control("clear", {})

    def counts(self) -> dict[str, Any]:
        """What was asked and answered so far.

        Calls: chat (answered), chat_received, chat_rejected (over in_flight_limit), most_in_flight; answered (from the
        SHA-256 of a request's body to how often it was answered, over chat and batches). Others: files, batches,
        batch_rows, tuning_jobs, authorization (the headers seen).
        """
        return self._control("counts")

    def _control(self, name: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        url = self.url.removesuffix("/v1") + "/control/" + name
        data = None if values is None else json.dumps(values).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as reply:
                result: dict[str, Any] = json.load(reply)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from None
        return result
