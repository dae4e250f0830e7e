"""How close the openai engine comes to the rate that a server allows, whose limit it is not told, and in what memory.

The server is the simulator that the tests use, in a process of its own: every call takes 200 ms, and calls beyond a
number at once are rejected. The engine answers through `ask` into a ledger, as a calling rule does. For comparison the
openai client alone, with that number of calls at once and nothing kept, does a part of the calls against the same
server. Where one processor cannot keep up with the ideal rate, both stay behind it: lower `--at-once` then.

    python benchmarks/calls.py
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

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


async def client_alone(simulator: Simulator, number: int, at_once: int) -> float:
    """Calls a second of the openai client, with the limit known to it."""
    stream = requests(number, "reference")

    async def work(client: openai.AsyncOpenAI) -> None:
        for request in stream:
            await client.chat.completions.create(**body(request, MODEL, {}))

    async with openai.AsyncOpenAI(base_url=simulator.url, api_key="none", max_retries=0) as client:
        started = time.monotonic()
        await asyncio.gather(*(work(client) for _ in range(at_once)))
        return number / (time.monotonic() - started)


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
        receipt = ask(memory.watch(requests(calls, "row")), engine, Ledger(Path(name) / "ledger"))
        memory.samples.append(psutil.Process().memory_info().rss)
        rate = receipt.new / receipt.seconds
        counts = simulator.counts()
        repeated = sum(times > 1 for times in counts["answered"].values())
        alone = asyncio.run(client_alone(simulator, calls // 4, at_once))
    start, highest = memory.samples[0] / MEGABYTE, max(memory.samples) / MEGABYTE
    print(f"ideal rate: {ideal:.0f} calls/s ({at_once} at once, {LATENCY * 1000:.0f} ms each)")
    print(f"openai engine, limit not told, {receipt.new} calls: {rate:.1f} calls/s, {rate / ideal:.1%} of the ideal")
    print(f"openai client alone, limit told, {calls // 4} calls: {alone:.1f} calls/s, {alone / ideal:.1%} of the ideal")
    print(f"rejected calls: {counts['chat_rejected']}; rows answered twice: {repeated}")
    print(f"memory after {WARM_UP} calls: {start:.0f} MB; at most {highest - start:.0f} MB more up to the end")


if __name__ == "__main__":
    main()
