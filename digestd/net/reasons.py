"""What went wrong on the way, in words for an owner: one line, no secret, no peer's words."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from digestd.net.guard import ConnectRefusedError, NameNotFoundError

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)

# h11's own words, the only way to tell these apart; pinned by tests.
_PROTOCOL = {
    "without sending a response": "the server closed the connection without an answer",
    "without sending complete message body": "the answer was cut off",
    "incomplete chunked read": "the answer was cut off",
    "Receive buffer too long": "the headers of the answer are larger than 100 KB",
}


def in_words(error: BaseException) -> str:
    """Return why a request failed, from an httpx error and what caused it."""
    for exc in _causes(error):
        words = _own_words(exc) or _system_words(exc)
        if words:
            return words
    return _httpx_words(error)


def status_in_words(status: int) -> str:
    """Return "HTTP 403 Forbidden"; the standard's phrase, not what the server put there."""
    phrase = next((known.phrase for known in HTTPStatus if known == status), "")
    return f"HTTP {status} {phrase}".rstrip()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _own_words(exc: BaseException) -> str:
    if isinstance(exc, ConnectRefusedError | NameNotFoundError):
        return str(exc)
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"TLS: {exc.verify_message.rstrip('.')}"
    if isinstance(exc, ssl.SSLError):
        return f"TLS: {(exc.reason or 'broken off').replace('_', ' ').lower()}"
    return ""


def _system_words(exc: BaseException) -> str:
    if isinstance(exc, ConnectionRefusedError):
        return "the server refuses connections"
    if isinstance(exc, ConnectionError):
        return "the connection was broken off"
    if isinstance(exc, OSError) and exc.errno in _UNREACHABLE:
        return "the server cannot be reached from here"
    return ""


def _httpx_words(error: BaseException) -> str:
    if isinstance(error, httpx.RemoteProtocolError):
        known = (words for part, words in _PROTOCOL.items() if part in str(error))
        return next(known, "the answer is not proper HTTP")
    if isinstance(error, httpx.TimeoutException):
        return "the server did not answer in time"
    if isinstance(error, httpx.ProxyError):
        return "the proxy could not reach the server"
    if isinstance(error, httpx.ConnectError):
        return "no connection to the server"
    if isinstance(error, httpx.NetworkError):
        return "the connection was broken off"
    return "the request could not be made"
