"""How close the openai engine comes to the rate that a server allows, whose limit it is not told, and at what cost in
processor time and memory.

The server is the simulator that the tests use, in a process of its own: every call takes 200 ms, and calls beyond a
number at once are rejected. The engine answers through `ask` into a ledger, as a calling rule does. For comparison the
openai client alone, and bare httpx2, on which it rides, do a part of the calls against the same server, with that many
calls at once and nothing kept. Where one processor cannot keep up with the ideal rate, all stay behind it: lower
`--at-once` then. Processor time is that of this process, user and system; on a busy machine compare it within one run.

    python benchmarks/calls.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/stand_ins"))

from openai_simulator.client import Simulator

from warmline.calls.ask import ask
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Sampling
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint, body
from warmline.models.cards import RemoteModel

MODEL = "simulated"
LATENCY = 0.2
WARM_UP = 500
MEGABYTE = 1_000_000


def requests(number: int, purpose: str) -> Iterator[Request]:
    """Distinct questions of the length of the study's."""
    for row in range(number):
        text = f"{purpose} {row}. " + "Which of the two rivers is the longer one, and how was that found out? " * 6
        yield Request([{"role": "user", "content": text}], Sampling(0.7, 256), seed=row)


class Memory:
    """This process's resident memory while requests are taken, from the one after `WARM_UP` on."""

    def __init__(self) -> None:
        self.samples: list[int] = []

    def watch(self, stream: Iterator[Request]) -> Iterator[Request]:
        for number, request in enumerate(stream):
            if number and number % WARM_UP == 0:
                self.samples.append(psutil.Process().memory_info().rss)
            yield request


Calls = Callable[[str, Iterator[Request], int], Coroutine[Any, Any, None]]


async def client_alone(url: str, stream: Iterator[Request], at_once: int) -> None:
    """The openai client, as its makers describe it."""

    async def work(client: openai.AsyncOpenAI) -> None:
        for request in stream:
            await client.chat.completions.create(**body(request, MODEL, {}))

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        await asyncio.gather(*(work(client) for _ in range(at_once)))


async def bare_httpx2(url: str, stream: Iterator[Request], at_once: int) -> None:
    """httpx2 with nothing above it."""
    headers = {"authorization": "Bearer none", "content-type": "application/json"}

    async def work(client: httpx2.AsyncClient) -> None:
        for request in stream:
            content = json.dumps(body(request, MODEL, {})).encode()
            reply = await client.post(f"{url}/chat/completions", content=content, headers=headers)
            json.loads(reply.raise_for_status().content)

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=at_once)
    async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
        await asyncio.gather(*(work(client) for _ in range(at_once)))


def measured(calls: Calls, url: str, number: int, at_once: int) -> tuple[float, float]:
    """Calls a second, and processor seconds a call."""
    began, used = time.monotonic(), time.process_time()
    asyncio.run(calls(url, requests(number, calls.__name__), at_once))
    return number / (time.monotonic() - began), (time.process_time() - used) / number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=64, help="calls at once that the server takes")
    arguments = parser.parse_args()
    calls, at_once = arguments.calls, arguments.at_once
    ideal = at_once / LATENCY
    with tempfile.TemporaryDirectory() as name, Simulator.start(Path(name)) as simulator:
        simulator.set(latency=LATENCY, in_flight_limit=at_once)
        engine = ChatEngine(RemoteModel(MODEL).respondent, MODEL, Endpoint(simulator.url))
        memory = Memory()
        used = time.process_time()
        receipt = ask(memory.watch(requests(calls, "row")), engine, Ledger(Path(name) / "ledger"))
        memory.samples.append(psutil.Process().memory_info().rss)
        rate, cost = receipt.new / receipt.seconds, (time.process_time() - used) / receipt.new
        counts = simulator.counts()
        repeated = sum(times > 1 for times in counts["answered"].values())
        alone, alone_cost = measured(client_alone, simulator.url, calls // 4, at_once)
        bare, bare_cost = measured(bare_httpx2, simulator.url, calls // 4, at_once)
    start, highest = memory.samples[0] / MEGABYTE, max(memory.samples) / MEGABYTE
    print(f"ideal rate: {ideal:.0f} calls/s ({at_once} at once, {LATENCY * 1000:.0f} ms each)")
    for name, number, speed, seconds in (
        ("openai engine and ledger, limit not told", receipt.new, rate, cost),
        ("openai client alone, limit told", calls // 4, alone, alone_cost),
        ("bare httpx2, limit told", calls // 4, bare, bare_cost),
    ):
        print(
            f"{name}, {number} calls: {speed:.1f} calls/s, {speed / ideal:.1%} of the ideal; "
            f"{1000 * seconds:.2f} ms of the processor a call, {seconds / bare_cost:.2f} times bare httpx2's"
        )
    print(f"rejected calls: {counts['chat_rejected']}; rows answered twice: {repeated}")
    print(f"memory after {WARM_UP} calls: {start:.0f} MB; at most {highest - start:.0f} MB more up to the end")


if __name__ == "__main__":
    main()
