"""The connections of a run of calls, as an httpx2 transport: asyncio's streams, written and read by h11.

httpx2 brings h11 along and uses it, too, but between the two stands a pool, which looks at every idle connection twice
a call, and layers for other event loops. They took half of the processor time of a call over HTTP
(benchmarks/calls.py). Here a call takes the connection that was given back last, or opens one. How many there are is
for the callers to decide. Requests and replies are small and in memory as a whole. Redirects, cookies, credentials and
the decoding of contents are the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator

import h11
import httpx2

KEPT_SECONDS = 5.0
"""How long an idle connection is used again. Many servers close theirs not much later, and a call that comes just then
is lost."""
FALL_BACK_SECONDS = 0.25
"""After which the next address of a host is tried beside the last (RFC 8305, section 5)."""
READ_BYTES = 64 * 1024
MOST_HEAD_BYTES = 100 * 1024

Origin = tuple[str, str, int | None]


def for_many_calls() -> Connections | None:
    """A transport for many calls of one endpoint. None, for httpx2's own, where a proxy stands in between."""
    return None if urllib.request.getproxies() else Connections(httpx2.create_ssl_context())


class Connections(httpx2.AsyncBaseTransport):
    """HTTP/1.1 over plain connections or, with the context `tls`, encrypted ones. Raises what httpx2's own does."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: dict[Origin, list[_Connection]] = defaultdict(list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        seconds = request.extensions.get("timeout", {})
        url = request.url
        idle = self._idle[url.scheme, url.host, url.port]
        connection = _last_alive(idle) or await self._opened(url, seconds.get("connect"))
        try:
            await connection.send(request, seconds.get("write"))
            response = await connection.receive(seconds.get("read"))
        except BaseException:
            connection.close()
            raise
        if connection.is_free_again():
            idle.append(connection)
        else:
            connection.close()
        return response

    async def aclose(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
            idle.clear()
        # A closed connection leaves the event loop in its next round.
        await asyncio.sleep(0)

    async def _opened(self, url: httpx2.URL, seconds: float | None) -> _Connection:
        tls = self._tls if url.scheme == "https" else None
        with _as_httpx2(httpx2.ConnectTimeout, httpx2.ConnectError):
            async with asyncio.timeout(seconds):
                streams = await asyncio.open_connection(
                    url.raw_host.decode("ascii"),
                    url.port or (443 if tls else 80),
                    ssl=tls,
                    happy_eyeballs_delay=FALL_BACK_SECONDS,
                )
        return _Connection(*streams)


class _Connection:
    """One connection, which takes a request after the other. Times are in seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, MOST_HEAD_BYTES)
        self._idle_since = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether an idle connection can be used again."""
        gone = self._reader.at_eof() or self._writer.is_closing()
        return not gone and time.monotonic() - self._idle_since < KEPT_SECONDS

    async def send(self, request: httpx2.Request, seconds: float | None) -> None:
        head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        with _as_httpx2(httpx2.WriteTimeout, httpx2.WriteError):
            events = (head, h11.Data(await request.aread()), h11.EndOfMessage())
            self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
            async with asyncio.timeout(seconds):
                await self._writer.drain()

    async def receive(self, seconds: float | None) -> httpx2.Response:
        head, body = None, bytearray()
        with _as_httpx2(httpx2.ReadTimeout, httpx2.ReadError):
            while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                elif event is h11.NEED_DATA:
                    async with asyncio.timeout(seconds):
                        data = await self._reader.read(READ_BYTES)
                    if not (data or head):
                        raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
                    self._http.receive_data(data)
        assert head
        extensions = {"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason}
        stream = httpx2.ByteStream(bytes(body))
        return httpx2.Response(head.status_code, headers=head.headers.raw_items(), stream=stream, extensions=extensions)

    def is_free_again(self) -> bool:
        """Make ready for the next request, if the server takes more after the last."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._idle_since = time.monotonic()
        return True

    def close(self) -> None:
        self._writer.transport.abort()


def _last_alive(idle: list[_Connection]) -> _Connection | None:
    """The connection that was given back last; it and those before it are closed if it is not alive."""
    while idle:
        connection = idle.pop()
        if connection.is_alive:
            return connection
        connection.close()
    return None


@contextlib.contextmanager
def _as_httpx2(timeout: type[httpx2.TimeoutException], fault: type[httpx2.NetworkError]) -> Iterator[None]:
    """Errors of asyncio and h11 as those of httpx2."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise fault(str(error)) from error
    except h11.RemoteProtocolError as error:
        raise httpx2.RemoteProtocolError(str(error)) from error
    except h11.LocalProtocolError as error:
        raise httpx2.LocalProtocolError(str(error)) from error
