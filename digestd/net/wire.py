"""One connection that speaks HTTP/1.1: a request out, the answer in, a bounded piece at a time.

httptools (llhttp, the parser of Node.js) takes the bytes apart in C. A pure-Python parser and
a general pool cost ten times the CPU of everything else in a poll that ends in 304.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import httptools
import httpx

# As much head as other clients take; what does not fit is no feed.
MAX_HEAD = 100 * 1024
# Bytes of a body that may wait to be read before the socket is left alone.
_MOST_WAITING = 256 * 1024

_is_token = lru_cache(64)(re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch)
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_TARGET = re.compile(rb"[\x00-\x20\x7f]")

Headers = Sequence[tuple[bytes, bytes]]


class Connection(asyncio.Protocol):
    """See the module. One request at a time; `httpx` errors say what went wrong."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self.used = False  # for a request before the present one
        self._without_body = False
        self.begin()

    def begin(self) -> None:
        """Forget the last answer."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.answered = False  # a byte of the answer has come
        self._parser = httptools.HttpResponseParser(self)
        # What servers get wrong without making the answer ambiguous.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,  # a length beside chunks: the chunks count (RFC 9112, 6.3)
            lenient_data_after_close=True,
            lenient_headers=True,  # folded lines, odd characters: no value is believed unseen
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._head_bytes = 0
        self._head_done = False
        self._done = False
        self._framed = False  # the body says itself where it ends
        self._keeps = False  # the server waits for another request
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._fault: Exception | None = None
        self._leftover = False

    # --- what the owner of the connection does -------------------------------------------

    def send(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> None:
        """Write a request. Raises httpx.LocalProtocolError for one that must not be written."""
        if _NO_TARGET.search(target) or not target:
            raise httpx.LocalProtocolError("an address with blanks in it cannot be asked for")
        lines = [method + b" " + target + b" HTTP/1.1"]
        for name, value in headers:
            if not _is_token(name) or _NO_VALUE.search(value):
                raise httpx.LocalProtocolError("a header that cannot be sent")
            lines.append(name + b": " + value.strip())
        if self.used or self.answered:  # else it is as new
            self.begin()
        self._without_body = method == b"HEAD"
        if self._transport is None or self._lost:
            raise httpx.ReadError("the connection is closed")
        lines += (b"", body)  # the empty line between them
        self._transport.write(b"\r\n".join(lines))

    async def read_head(self) -> None:
        """Return when `status` and `headers` are those of the answer (a 1xx is none)."""
        while not self._head_done:
            if self._fault is not None:
                raise self._fault
            await self._wait()

    async def read(self) -> bytes:
        """Return the next piece of the body; an empty one is its end."""
        while not self._pieces:
            if self._fault is not None:
                raise self._fault
            if self._done:
                return b""
            await self._wait()
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        if self._paused and self._waiting < _MOST_WAITING // 2 and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return piece

    @property
    def can_go_on(self) -> bool:
        """Whether another request may follow on it."""
        return (
            self._done
            and not self._lost
            and not self._leftover
            and self._fault is None
            and not self._pieces
            and self._framed
            and self._keeps
        )

    @property
    def is_lost(self) -> bool:
        """Whether the other end, or we, have closed it."""
        return self._lost or self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Close it in good order."""
        if self._transport is not None and not self._lost:
            self._transport.close()

    def abort(self) -> None:
        """Drop it; nothing more is read or written."""
        if self._transport is not None and not self._lost:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- what the socket does ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # Not asserted: those of uvloop are transports by what they do, not by descent.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes off the wire."""
        if self._done or self._fault is not None:
            self._leftover = True  # nobody asked for this
            self.abort()
            return
        self.answered = True
        if not self._head_done:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("switched to another protocol"))
        except httptools.HttpParserError as exc:
            # A chunk longer than can ever come will not come whole.
            cut = "overflow" in str(exc) and self._head_done
            words = "incomplete chunked read" if cut else str(exc)
            self._fail(httpx.RemoteProtocolError(words))
        if not self._head_done and self._head_bytes > MAX_HEAD:
            self._fail(httpx.RemoteProtocolError("Receive buffer too long"))
        if self._waiting > _MOST_WAITING and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Take the end: of the body, if nothing else says where it ends."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        self._lost = True
        self._transport = None  # with all that TLS has of it: nobody looks for garbage soon
        if exc is not None and not self._done:
            self._fail(_broken_off(exc))
        self._ended()

    def _ended(self) -> None:
        if not self._head_done:
            words = (
                "the server closed the connection within the head"
                if self.answered
                else "Server disconnected without sending a response."
            )
            self._fail(httpx.RemoteProtocolError(words))
        elif not self._done and self._framed:
            words = "peer closed connection without sending complete message body"
            self._fail(httpx.RemoteProtocolError(words))
        else:
            self._done = True
        self._wake()

    def _fail(self, exc: Exception) -> None:
        if self._fault is None and not self._done:
            self._fault = exc

    # --- what the parser finds -----------------------------------------------------------

    def on_message_begin(self) -> None:
        """Take the first byte of an answer, or of one to a question that nobody asked."""
        self._leftover = self._leftover or self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is of no interest."""
        if not self._head_done:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the end of a head."""
        if self._done:  # of an answer to nothing
            return
        status = self._parser.get_status_code()
        if status < 200:
            return
        if sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._fail(httpx.RemoteProtocolError("Receive buffer too long"))
        self.status = status
        names = {name.lower() for name, _ in self.headers}
        bare = self._without_body or status in (204, 304)
        self._framed = bare or not names.isdisjoint((b"content-length", b"transfer-encoding"))
        self._head_done = True
        self._done = self._without_body
        self._keeps = self._done and self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._done:
            return
        self._pieces.append(body)
        self._waiting += len(body)

    def on_message_complete(self) -> None:
        """Take the end of an answer, or of a 1xx before it."""
        if self._head_done:
            self._done = True
            self._keeps = self._parser.should_keep_alive()
        else:
            self.headers = []
            self._head_bytes = 0


def _broken_off(exc: Exception) -> httpx.ReadError:
    error = httpx.ReadError(str(exc))
    error.__cause__ = exc
    return error
