"""The way through a proxy of the owner's: httpcore, which speaks to HTTP and SOCKS proxies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from ssl import SSLContext
from typing import NoReturn

import httpcore
import httpx

from digestd.core.addresses import AllowList
from digestd.net.guard import NEXT_ADDRESS_AFTER, ConnectRefusedError, Door, Resolve

SocketOptions = Iterable[
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens httpcore's TCP connections where `door` leads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`, or raise what `Door.addresses` raises, or a ConnectError."""
        failure: Exception | None = None
        tried = await self._door.addresses(host, port)
        for address in tried:
            patience = timeout
            if address is not tried[-1]:
                patience = min(timeout or NEXT_ADDRESS_AFTER, NEXT_ADDRESS_AFTER)
            try:
                return await self._sockets.connect_tcp(
                    str(address), port, patience, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = failure or exc
        raise failure or httpcore.ConnectError

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: SocketOptions | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> NoReturn:
        """Refuse: no feed lives in a Unix socket."""
        raise ConnectRefusedError("refused: Unix sockets are not for feeds")

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore's own retries (we ask for none)."""
        await asyncio.sleep(seconds)


class ProxiedTransport(httpx.AsyncBaseTransport):
    """httpx over httpcore's pool with our backend, which httpx itself offers no way to set."""

    def __init__(
        self,
        allow: AllowList,
        context: SSLContext,
        *,
        connections: int,
        proxy: str,
        resolve: Resolve | None = None,
    ) -> None:
        """Raise ValueError, without a secret in it, for a `proxy` that cannot be one."""
        server = _proxy(proxy, context)
        whereabouts = server.url.host.decode("ascii"), server.url.port or 0
        self._door = Door(allow, proxy=whereabouts, resolve=resolve)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            proxy=server,
            max_connections=connections,
            # The pool is walked at every request, so it stays small; and polls of one host are
            # minutes apart, when a kept connection is closed at the other end.
            max_keepalive_connections=0,
            network_backend=GuardedBackend(self._door),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; what goes wrong is an httpx error, its cause the httpcore one."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        try:
            default = 443 if url.scheme == b"https" else 80
            self._door.check_proxied(url.host.decode("ascii"), url.port or default)
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _ERRORS as exc:
            raise _as_httpx(exc) from exc
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.aiter_stream():
                yield piece
        except _ERRORS as exc:
            raise _as_httpx(exc) from exc

    async def aclose(self) -> None:
        await self._answer.aclose()


# All that httpcore raises; each has an httpx error of its name, or of a base's.
_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def _as_httpx(exc: Exception) -> httpx.TransportError:
    for kind in type(exc).__mro__:
        twin = getattr(httpx, kind.__name__, None)
        if isinstance(twin, type) and issubclass(twin, httpx.TransportError):
            return twin(str(exc))
    return httpx.TransportError(str(exc))


def _proxy(url: str, context: SSLContext) -> httpcore.Proxy:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("the proxy is not a valid URL") from None
    if parsed.scheme not in ("http", "https", "socks5", "socks5h") or not parsed.raw_host:
        raise ValueError("a proxy is written http://, https:// or socks5://host:port")
    default = {"http": 80, "https": 443}.get(parsed.scheme, 1080)
    return httpcore.Proxy(
        httpcore.URL(
            scheme=parsed.raw_scheme,
            host=parsed.raw_host,
            port=parsed.port or default,
            target=b"/",
        ),
        auth=(parsed.username.encode(), parsed.password.encode()) if parsed.userinfo else None,
        ssl_context=context if parsed.scheme == "https" else None,
    )
