from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from openai_simulator.server import application


async def main(port_file: Path, port: int) -> None:
    # The protocol is named, or asyncio does not see that it is TCP, and the kernel holds replies back for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    server = uvicorn.Server(uvicorn.Config(application(), log_level="error", timeout_graceful_shutdown=0))
    partial = port_file.with_name(port_file.name + ".partial")
    partial.write_text(str(listener.getsockname()[1]))
    partial.replace(port_file)
    # No server may outlive the test that started it.
    threading.Thread(target=exit_with_input, daemon=True).start()
    await server.serve([listener])


def exit_with_input() -> None:
    while sys.stdin.buffer.read(1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True, type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(main(given.port_file, given.port))
