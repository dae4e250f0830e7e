"""A server that speaks as much of the Hugging Face hub's protocol as downloading a model or a file of a dataset takes.

    python hub_server.py FOLDER REPOSITORY COMMIT

serves the folder's files as that repository at that commit, on a free port of 127.0.0.1, which it prints. A dataset's
repository is datasets/org/name. datasets/gated/any is a gated one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextlib.contextmanager
def serving(folder: Path, repository: str) -> Iterator[str]:
    """The address of a hub, in a process of its own, that has a folder's files as the repository at COMMIT."""
    command = [sys.executable, __file__, str(folder), repository, COMMIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


class Hub(BaseHTTPRequestHandler):
    folder: Path
    repository: str
    commit: str

    def do_HEAD(self) -> None:
        self.respond(with_body=False)

    def do_GET(self) -> None:
        self.respond(with_body=True)

    def respond(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        files = sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file())
        root = f"/{self.repository}/resolve/"
        if path == f"/api/models/{self.repository}/revision/{self.commit}":
            names = [{"rfilename": name} for name in files]
            self.send(json.dumps({"id": self.repository, "sha": self.commit, "siblings": names}).encode(), with_body)
        elif path.startswith(f"/api/models/{self.repository}/tree/{self.commit}"):
            entries = [
                {"type": "file", "path": name, "size": (self.folder / name).stat().st_size, "oid": "0" * 40}
                for name in files
            ]
            self.send(json.dumps(entries).encode(), with_body)
        elif path.startswith(f"{root}{self.commit}/") and (name := path.removeprefix(f"{root}{self.commit}/")) in files:
            self.send((self.folder / name).read_bytes(), with_body)
        elif path.startswith("/datasets/gated/"):
            self.refuse(403, "GatedRepo")
        elif path.startswith(f"{root}{self.commit}/"):
            self.refuse(404, "EntryNotFound")
        else:
            self.refuse(404, "RevisionNotFound" if path.startswith(root) else "RepoNotFound")

    def refuse(self, status: int, reason: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", reason)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, body: bytes, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    Hub.folder, Hub.repository, Hub.commit = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(server.server_port, flush=True)
    server.serve_forever()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
