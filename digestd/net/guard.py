"""The one gate for connections that feeds cause: it resolves, checks, connects to what it checked.

The check sits where the socket is opened, not where the URL is read. So it
holds for every redirect and every spelling of an address (decimal, hex,
mapped), and a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, ip_address
from ssl import SSLContext
from typing import NoReturn

import httpcore
import httpx

from digestd.core.addresses import Address, AllowList, line_to_paste, normal_host, refusal

# All addresses of a name are checked; so many are tried. An address that does not answer
# (IPv6 on a broken line, mostly) must not eat the whole deadline when there is another.
MAX_ADDRESSES = 4
NEXT_ADDRESS_AFTER = 5.0

MAX_LOOKUPS = 128

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
SocketOptions = Iterable[
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
]


class ConnectRefusedError(httpcore.ConnectError):
    """The guard does not let this connection be made; the message is for the owner."""


class NameNotFoundError(httpcore.ConnectError):
    """A host name leads nowhere; the message is for the owner."""


class Resolver:
    """Host names to addresses, by the system's rules, without blocking the loop or its end.

    Each lookup has a daemon thread. A name whose servers hang takes the system
    half a minute; in an executor a handful of those would stop every other
    lookup, and hold up the end of the process.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_LOOKUPS)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of `host`, best first. Raises NameNotFoundError."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()

        def settle(found: list[Address], error: Exception | None) -> None:
            self._free.release()  # only now: an abandoned lookup still holds its thread
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found)

        def look_up() -> None:
            found: list[Address] = []
            error: Exception | None = None
            try:
                for *_, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    address = ip_address(where[0])
                    if address not in found:
                        found.append(address)
            except (OSError, ValueError) as exc:  # a label too long is a UnicodeError
                error = _not_found(host, exc)
            with suppress(RuntimeError):  # the loop has ended in the meantime
                loop.call_soon_threadsafe(settle, found, error)

        threading.Thread(target=look_up, name="resolve", daemon=True).start()
        return await answer


def _not_found(host: str, exc: Exception) -> NameNotFoundError:
    if isinstance(exc, socket.gaierror) and exc.errno == socket.EAI_AGAIN:
        return NameNotFoundError(f"the server's name could not be looked up just now ({host})")
    return NameNotFoundError(f"the server's name could not be found ({host})")


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to public addresses, to what `allow` names, and to `proxy`."""

    def __init__(
        self,
        allow: AllowList,
        *,
        proxy: tuple[str, int] | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow = allow
        self._proxy = proxy
        self._resolve = resolve or Resolver()
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`, or raise a ConnectError whose text is for the owner.

        One refused address refuses the name: whoever mixes private addresses
        into an answer hopes for the other pick.
        """
        addresses = await self._addresses(host, port)
        if (host, port) != self._proxy:
            for address in addresses:
                reason = refusal(host, port, address, self._allow)
                if reason:
                    raise ConnectRefusedError(reason)
        failure: Exception | None = None
        tried = addresses[:MAX_ADDRESSES]
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
        raise failure or NameNotFoundError(f"the server's name could not be found ({host})")

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

    def check_proxied(self, host: str, port: int) -> None:
        """Refuse what can be known to be local before a proxy, which resolves by itself, is asked.

        Raises ConnectRefusedError. The proxy is its owner's; what it can reach is not the feed's.
        """
        address = _literal(host)
        if address is not None:
            reason = refusal(host, port, address, self._allow)
            if reason:
                raise ConnectRefusedError(reason)
        elif _is_local_name(host) and not self._allow.names(host, port):
            advice = line_to_paste(host, port, self._allow)
            raise ConnectRefusedError(f"refused: {host} is a name of a local network; {advice}")

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            return await self._resolve(host, port)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
    except (OSError, ValueError):
        return None


def _is_local_name(host: str) -> bool:
    name = normal_host(host)
    return "." not in name or name.endswith((".localhost", ".local", ".internal", ".home.arpa"))


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over httpcore's pool with our backend, which httpx itself offers no way to set."""

    def __init__(
        self,
        allow: AllowList,
        context: SSLContext,
        *,
        connections: int,
        proxy: str = "",
        resolve: Resolve | None = None,
    ) -> None:
        """Raise ValueError, without a secret in it, for a `proxy` that cannot be one."""
        server = _proxy(proxy, context) if proxy else None
        self._proxied = server is not None
        self._backend = GuardedBackend(allow, proxy=_whereabouts(server), resolve=resolve)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            proxy=server,
            max_connections=connections,
            # The pool is walked at every request, so it stays small; and polls of one host are
            # minutes apart, when a kept connection is closed at the other end.
            max_keepalive_connections=0,
            network_backend=self._backend,
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
            if self._proxied:
                default = 443 if url.scheme == b"https" else 80
                self._backend.check_proxied(url.host.decode("ascii"), url.port or default)
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


def _whereabouts(proxy: httpcore.Proxy | None) -> tuple[str, int] | None:
    if proxy is None:
        return None
    return proxy.url.host.decode("ascii"), proxy.url.port or 0
