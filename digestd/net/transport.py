"""The one transport for what feeds cause: whichever way, it leads through the guard's door."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext

import httpx

from digestd.core.addresses import AllowList
from digestd.net.direct import DirectTransport
from digestd.net.guard import ConnectRefusedError, Door, NameNotFoundError, Resolve


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx through our door: over connections of our own, or over httpcore's to a proxy."""

    def __init__(
        self,
        allow: AllowList,
        context: SSLContext | Callable[[], SSLContext],
        *,
        connections: int,
        proxy: str = "",
        resolve: Resolve | None = None,
    ) -> None:
        """Raise ValueError, without a secret in it, for a `proxy` that cannot be one."""
        self._way: httpx.AsyncBaseTransport
        if proxy:
            from digestd.net.proxied import ProxiedTransport  # noqa: PLC0415 (few have a proxy)

            self._way = ProxiedTransport(
                allow,
                context if isinstance(context, SSLContext) else context(),
                connections=connections,
                proxy=proxy,
                resolve=resolve,
            )
        else:
            door = Door(allow, resolve=resolve)
            self._way = DirectTransport(door.connect, context, connections=connections)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; what goes wrong is an httpx error, with its cause."""
        try:
            return await self._way.handle_async_request(request)
        except (ConnectRefusedError, NameNotFoundError) as exc:
            raise httpx.ConnectError(str(exc)) from exc

    async def aclose(self) -> None:
        """Close every connection."""
        await self._way.aclose()
