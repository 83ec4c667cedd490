"""httpx over connections of our own: few, kept for a moment per host, closed when idle."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from ssl import SSLContext

import httpx

from digestd.net.wire import Connection

# Long enough for the next feed of the same host in the same round, and shorter than servers wait.
KEPT = 4.0
# Of all hosts together, as parts of the files that the process may have open, and at most.
# Over TLS each has 50 to 150 KB of memory.
MOST_KEPT = {"http": (1 / 2, 512), "https": (1 / 8, 128)}
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
        self._idle = {scheme: _Idle(_most_kept(scheme)) for scheme in MOST_KEPT}

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
        for idle in self._idle.values():
            idle.clear()

    async def _answered(self, key: _Key, request: httpx.Request, body: bytes) -> Connection:
        """Return a connection on which the head of the answer has come."""
        method = request.method.encode("ascii")
        while True:
            connection = self._idle[key[0]].take(key) or await self._open(key)
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

    def _take_back(self, key: _Key, connection: Connection) -> None:
        self._places.release()
        if not connection.can_go_on:
            # A plain close: a body that was read to its end deserves one, and for one that
            # was not, `abort` spares reading the rest.
            connection.abort()
            return
        self._idle[key[0]].put(key, connection)


def _most_kept(scheme: str) -> int:
    part, most = MOST_KEPT[scheme]
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if files == resource.RLIM_INFINITY else max(1, min(most, int(part * files)))


class _Idle:
    """Connections that wait for another request to their host, for a moment, and not too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[_Key, list[Connection]] = {}
        self._since: dict[Connection, tuple[_Key, asyncio.TimerHandle]] = {}  # longest first

    def put(self, key: _Key, connection: Connection) -> None:
        """Keep `connection`; where there are too many, close the one that has waited longest."""
        if len(self._since) >= self._most:
            longest = next(iter(self._since))
            self._forget(longest)
            longest.abort()
        timer = asyncio.get_running_loop().call_later(KEPT, self._close, connection)
        self._since[connection] = key, timer
        self._of.setdefault(key, []).append(connection)

    def take(self, key: _Key) -> Connection | None:
        """Return one that its server has not closed; None if there is none."""
        while key in self._of:
            connection = self._of[key][-1]
            self._forget(connection)
            if not connection.is_lost:
                connection.used = True
                return connection
        return None

    def clear(self) -> None:
        """Drop them all."""
        for connection, (_, timer) in self._since.items():
            timer.cancel()
            connection.abort()
        self._of.clear()
        self._since.clear()

    def _close(self, connection: Connection) -> None:
        self._forget(connection)
        connection.close()

    def _forget(self, connection: Connection) -> None:
        key, timer = self._since.pop(connection)
        timer.cancel()
        self._of[key].remove(connection)
        if not self._of[key]:
            del self._of[key]


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
