"""A small OpenAI-compatible server of one model, with the bad habits of large ones.

python small_server.py MODEL --port PORT [--adapter NAME=FOLDER] ...
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Has a child in a session of its own and ends without waiting for it; the child is deaf to pleas to end if told to.
WORKER = """
import os, pathlib, signal, subprocess, sys, time
folder, deaf, child = sys.argv[1:]
if child:
    subprocess.Popen([sys.executable, "-c", child, folder, deaf, ""], start_new_session=True)
elif deaf == "True":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(folder) / str(os.getpid())).touch()
time.sleep(0 if child else 600)
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--adapter", help="NAME=FOLDER")
    parser.add_argument("--also", help="another model that is served")
    parser.add_argument("--max-model-len", type=int, help="tokens of prompt and reply that it says each model takes")
    parser.add_argument("--without-health", action="store_true", help="there is no /health")
    parser.add_argument("--unhealthy-for", type=float, default=0.0, help="seconds")
    parser.add_argument("--dies-after", type=int, help="calls")
    parser.add_argument("--last-words", default="")
    parser.add_argument("--processes", type=Path, help="folder where this and its workers leave their numbers")
    parser.add_argument("--deaf", action="store_true", help="a worker does not end when asked to")
    return parser.parse_args()


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arguments: argparse.Namespace
    started: float
    calls = 0

    def do_GET(self) -> None:
        healthy = time.monotonic() - self.started >= self.arguments.unhealthy_for
        if self.path == "/health":
            self.reply(404 if self.arguments.without_health else 200 if healthy else 503, {})
        else:
            adapter = self.arguments.adapter.split("=", 1)[0] if self.arguments.adapter else None
            names = [name for name in (self.arguments.model, adapter, self.arguments.also) if name]
            length = self.arguments.max_model_len
            about = {} if length is None else {"max_model_len": length}
            self.reply(200 if healthy else 503, {"object": "list", "data": [{"id": name, **about} for name in names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Server.calls += 1
        if self.calls == self.arguments.dies_after:
            die(self.arguments.last_words)
        message = {"role": "assistant", "content": f"{body['model']} says {body['messages'][-1]['content']}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.reply(200, {"model": body["model"], "choices": [choice], "usage": usage})

    def reply(self, status: int, values: object) -> None:
        content = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def die(last_words: str) -> None:
    print(os.path.expandvars(last_words), file=sys.stderr, flush=True)
    os._exit(3)


if __name__ == "__main__":
    arguments = parse()
    if arguments.dies_after == 0:
        die(arguments.last_words)
    if arguments.processes:
        (arguments.processes / str(os.getpid())).touch()
        subprocess.run([sys.executable, "-c", WORKER, str(arguments.processes), str(arguments.deaf), WORKER])
        while len(list(arguments.processes.iterdir())) < 3:
            time.sleep(0.05)
    Server.arguments, Server.started = arguments, time.monotonic()
    ThreadingHTTPServer((arguments.host, arguments.port), Server).serve_forever()
