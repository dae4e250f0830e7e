"""Another way for the openai engine to answer: by the simulator's own function, in the process that asks.

The rehearsal puts it into its copy of the library, so that only Warmline's own work counts. What the function takes is
noted in the folder REHEARSED_CALLS, to be taken off.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from openai_simulator.chat import completion
from openai_simulator.world import ApiError, World

from warmline.calls.requests import Outcome, Request, Unanswerable
from warmline.engines.remote import replies
from warmline.engines.remote.endpoint import body


def answer(engine: Any, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
    """What the simulator would reply to each request, without a server."""
    world, calls, seconds = World(), 0, 0.0
    try:
        for request in requests:
            began = time.process_time()
            try:
                reply = completion(world, body(request, engine.name, engine.endpoint.parameters))
                outcome: Outcome = replies.response(reply, request, engine.name, engine.endpoint)
            except ApiError as error:
                outcome = Unanswerable(str(error), own=False)
            seconds += time.process_time() - began
            calls += 1
            yield request, outcome
    finally:
        with open(Path(os.environ["REHEARSED_CALLS"]) / str(os.getpid()), "a") as notes:
            notes.write(f"{calls} {seconds}\n")
