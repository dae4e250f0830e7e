from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from warmline.engines.remote import connections
from warmline.engines.remote.connections import Connections
from warmline.engines.remote.endpoint import Endpoint

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"
FINE = OK + b"Content-Length: 4\r\n\r\nfine"
TRANSPORTS = ("ours", "httpx2")
SECONDS = 0.3


def transport(whose: str) -> httpx2.AsyncBaseTransport:
    return Connections(httpx2.create_ssl_context()) if whose == "ours" else httpx2.AsyncHTTPTransport()


class Served:
    """A server on this machine that does with every connection what it is told to, and counts them."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.tls = tls
        self.connections = 0

    async def __aenter__(self) -> Served:
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=self.tls)
        self.url = f"http{'s' if self.tls else ''}://localhost:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.handler(reader, writer)
        finally:
            writer.close()


async def taken(reader: asyncio.StreamReader) -> bytes:
    """A request's body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    return await reader.readexactly(length)


def says(*parts: bytes, times: int = 1) -> Handler:
    """Replies so to the first requests of a connection, and then closes it."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            try:
                await taken(reader)
            except asyncio.IncompleteReadError:
                return
            for part in parts:
                writer.write(part)
                await writer.drain()

    return handler


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(10 * SECONDS)


async def hangs_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await says(FINE[:-2])(reader, writer)
    await asyncio.sleep(10 * SECONDS)


async def refuses_what_is_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge")
    await writer.drain()
    while await reader.read(2**20):
        pass


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def outcome(whose: str, handler: Handler, content: bytes = b"asked") -> object:
    """What a call comes to: status, reason, headers and text, or the kind of error."""
    async with Served(handler) as server, httpx2.AsyncClient(transport=transport(whose), timeout=SECONDS) as client:
        try:
            reply = await client.post(server.url, content=content)
            return reply.status_code, reply.reason_phrase, reply.headers.raw, reply.text
        except httpx2.HTTPError as error:
            return type(error)


@pytest.mark.parametrize(
    ("handler", "content"),
    [
        (says(FINE), b"asked"),
        (says(FINE), b""),
        (says(FINE), b"x" * 3_000_000),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n", b"2\r\nne\r\n0\r\n\r\n"), b"asked"),
        (says(OK + b"Connection: close\r\n\r\nuntil the end"), b"asked"),
        (says(OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"packed")), b"asked"),
        (says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FINE), b"asked"),
        (says(b"HTTP/1.1 204 No Content\r\n\r\n"), b"asked"),
        (refuses_what_is_large, b"x" * 3_000_000),
        (says(), b"asked"),
        (resets, b"asked"),
        (hangs, b"asked"),
        (hangs_in_the_body, b"asked"),
        (says(FINE[:-2]), b"asked"),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"), b"asked"),
        (says(b"no HTTP at all\r\n\r\n"), b"asked"),
        (says(OK + b"Long: " + b"x" * 50_000 + b"\r\n\r\n"), b"asked"),
    ],
)
def test_every_reply_and_fault_comes_out_as_from_httpx2(handler: Handler, content: bytes) -> None:
    ours, theirs = (asyncio.run(outcome(whose, handler, content)) for whose in TRANSPORTS)
    assert ours == theirs


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://no-such-host.invalid/"])
def test_a_server_that_is_not_there_is_told_as_by_httpx2(url: str) -> None:
    async def error(whose: str) -> type[Exception]:
        async with httpx2.AsyncClient(transport=transport(whose), timeout=20) as client:
            with pytest.raises(httpx2.ConnectError) as found:
                await client.get(url)
        return found.type

    assert asyncio.run(error("ours")) is asyncio.run(error("httpx2"))


def connections_of_two_calls(handler: Handler, pause: float = 0.0) -> int:
    async def count() -> int:
        async with Served(handler) as server, httpx2.AsyncClient(transport=transport("ours")) as client:
            for _ in range(2):
                assert (await client.post(server.url, content=b"asked")).text == "fine"
                await asyncio.sleep(pause)
            return server.connections

    return asyncio.run(count())


def test_a_connection_is_used_again() -> None:
    assert connections_of_two_calls(says(FINE, times=2)) == 1


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    assert connections_of_two_calls(says(FINE, times=1), pause=0.1) == 2
    closing = says(OK + b"Connection: close\r\nContent-Length: 4\r\n\r\nfine", times=2)
    assert connections_of_two_calls(closing) == 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    assert connections_of_two_calls(says(FINE, times=2), pause=0.1) == 2


def test_a_call_that_is_given_up_leaves_no_connection_with_its_reply() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while body := await taken(reader):
            await asyncio.sleep(SECONDS if body == b"slow" else 0)
            writer.write(OK + b"Content-Length: 4\r\n\r\n" + body)

    async def text() -> str:
        async with Served(late) as server, httpx2.AsyncClient(transport=transport("ours")) as client:
            call = asyncio.create_task(client.post(server.url, content=b"slow"))
            await asyncio.sleep(SECONDS / 3)
            call.cancel()
            await asyncio.wait([call])
            return (await client.post(server.url, content=b"next")).text

    assert asyncio.run(text()) == "next"


def test_a_redirect_to_another_server_reaches_it() -> None:
    async def text() -> str:
        async with Served(says(FINE)) as second:
            moved = b"HTTP/1.1 307 Moved\r\nContent-Length: 0\r\nLocation: " + second.url.encode() + b"\r\n\r\n"
            async with (
                Served(says(moved)) as first,
                httpx2.AsyncClient(transport=transport("ours"), follow_redirects=True) as client,
            ):
                return (await client.post(first.url, content=b"asked")).text

    assert asyncio.run(text()) == "fine"


def test_an_encrypted_server_is_believed_only_with_its_certificate(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    extension = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *extension], cwd=tmp_path, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    async def text(context: ssl.SSLContext) -> str:
        async with Served(says(FINE), tls) as server, httpx2.AsyncClient(transport=Connections(context)) as client:
            return (await client.post(server.url, content=b"asked")).text

    assert asyncio.run(text(ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))) == "fine"
    with pytest.raises(httpx2.ConnectError, match="certificate"):
        asyncio.run(text(httpx2.create_ssl_context()))


def test_behind_a_proxy_calls_go_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        await says(FINE)(reader, writer)

    async def call() -> None:
        async with Served(proxy) as server:
            monkeypatch.setenv("http_proxy", server.url)
            async with Endpoint("http://api.invalid/v1").client(connections.for_many_calls()) as client:
                await client.post("/chat/completions", cast_to=httpx2.Response, body={})

    asyncio.run(call())
    assert asked == [b"POST http://api.invalid/v1/chat/completions HTTP/1.1\r\n"]
