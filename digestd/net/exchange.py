"""A request and its answer, as they cross the wire, and what may go wrong in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from typing import Protocol

from digestd.frozen import dataclass
from digestd.net.address import Address

Headers = Sequence[tuple[bytes, bytes]]


class ExchangeError(Exception):
    """A request came to no answer, or its answer to no end; `reasons` has words for owners."""


class NoConnectionError(ExchangeError):
    """There is no way to the server, or the guard does not let us go it."""


class BrokenOffError(ExchangeError):
    """The connection was closed, or broke."""


class BadAnswerError(ExchangeError):
    """What came is not proper HTTP, or not all of it."""


class BadRequestError(ExchangeError):
    """What was to be sent must not be."""


class BadProxyError(ExchangeError):
    """The proxy does not let us through."""


class TooSlowError(ExchangeError):
    """No answer came while it was waited for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whom. `headers` are all of them, as they are sent."""

    method: bytes
    address: Address
    headers: Headers
    body: bytes = b""


class Body(Protocol):
    """A body as it comes off the wire, still compressed; to be closed in any case."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield its pieces."""

    async def aclose(self) -> None:
        """Give back what it comes by."""


class Response:
    """An answer whose head has come."""

    def __init__(self, status: int, headers: Headers, body: Body) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @cached_property
    def fields(self) -> dict[bytes, list[bytes]]:
        """Its headers by their names in lower case."""
        found: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            found.setdefault(name.lower(), []).append(value)
        return found


class Transport(Protocol):
    """A way to send requests."""

    async def send(self, request: Request) -> Response:
        """Return the answer, its body unread; raise an ExchangeError."""

    async def aclose(self) -> None:
        """Close every connection."""
