"""httpx over connections of our own: few, kept for a moment per host, closed when idle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from ssl import SSLContext

import httpx

from digestd.net.wire import Connection

# Long enough for the next feed of the same host in the same round, and shorter than servers wait.
KEPT = 4.0
# A server that does not answer the end of a TLS connection keeps its socket no longer.
_TLS_GOODBYE = 1.0

# From a host and a port to what the last argument makes of an address of it, a literal.
Connect = Callable[[str, int, Callable[[str], Awaitable[Connection]]], Awaitable[Connection]]

_Key = tuple[str, bytes, int]
_PORTS = {"http": 80, "https": 443}


class DirectTransport(httpx.AsyncBaseTransport):
    """Opens connections where `connect` leads, at most `connections` at once.

    `context` may be what makes it: 25 to 85 ms, at the first HTTPS request.
    """

    def __init__(
        self,
        connect: Connect,
        context: SSLContext | Callable[[], SSLContext],
        *,
        connections: int,
    ) -> None:
        self._connect = connect
        self._context = context
        self._places = asyncio.Semaphore(connections)
        self._idle: dict[_Key, list[tuple[Connection, asyncio.TimerHandle]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its answer, whose body is read as it comes.

        What goes wrong is an httpx error, with its cause.
        """
        url = request.url
        key = url.scheme, url.raw_host, url.port or _PORTS.get(url.scheme, 80)
        body = await _body_of(request)
        await self._places.acquire()
        try:
            connection = await self._answered(key, request, body)
        except BaseException:
            self._places.release()
            raise
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(self, key, connection),
        )

    async def aclose(self) -> None:
        """Close what is kept; what is in use is closed by its user."""
        for kept in self._idle.values():
            for connection, timer in kept:
                timer.cancel()
                connection.abort()
        self._idle.clear()

    async def _answered(self, key: _Key, request: httpx.Request, body: bytes) -> Connection:
        """Return a connection on which the head of the answer has come."""
        method = request.method.encode("ascii")
        while True:
            connection = self._kept(key) or await self._open(key)
            try:
                connection.send(method, request.url.raw_path, request.headers.raw, body)
                await connection.read_head()
            except (httpx.ReadError, httpx.RemoteProtocolError):
                connection.abort()
                # The server closed a kept connection just as we wrote: nothing has happened there.
                if not connection.used or connection.answered or method != b"GET":
                    raise
            except BaseException:
                connection.abort()
                raise
            else:
                return connection

    async def _open(self, key: _Key) -> Connection:
        scheme, host, port = key
        name = host.decode("ascii")
        secure = scheme == "https"
        create = asyncio.get_running_loop().create_connection

        async def open_at(address: str) -> Connection:
            _, connection = await create(
                Connection,
                address,
                port,
                ssl=self._tls() if secure else None,
                server_hostname=name if secure else None,
                ssl_shutdown_timeout=_TLS_GOODBYE if secure else None,
            )
            return connection

        try:
            return await self._connect(name, port, open_at)
        except OSError as exc:  # every error of TLS is one
            raise httpx.ConnectError(str(exc)) from exc

    def _tls(self) -> SSLContext:
        if not isinstance(self._context, SSLContext):
            self._context = self._context()
        return self._context

    def _kept(self, key: _Key) -> Connection | None:
        kept = self._idle.get(key)
        while kept:
            connection, timer = kept.pop()
            timer.cancel()
            if not kept:
                del self._idle[key]
            if not connection.is_lost:
                connection.used = True
                return connection
        return None

    def _take_back(self, key: _Key, connection: Connection) -> None:
        self._places.release()
        if not connection.can_go_on:
            # A plain close: a body that was read to its end deserves one, and for one that
            # was not, `abort` spares reading the rest.
            connection.abort()
            return
        timer = asyncio.get_running_loop().call_later(KEPT, self._expire, key, connection)
        self._idle.setdefault(key, []).append((connection, timer))

    def _expire(self, key: _Key, connection: Connection) -> None:
        left = [pair for pair in self._idle.pop(key, []) if pair[0] is not connection]
        if left:
            self._idle[key] = left
        connection.close()


async def _body_of(request: httpx.Request) -> bytes:
    if isinstance(request.stream, httpx.SyncByteStream):  # it is all there
        return b"".join(request.stream)
    return await request.aread()


class _Body(httpx.AsyncByteStream):
    def __init__(self, owner: DirectTransport, key: _Key, connection: Connection) -> None:
        self._owner = owner
        self._key = key
        self._connection: Connection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (piece := await self._connection.read()):
            yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._owner._take_back(self._key, connection)
