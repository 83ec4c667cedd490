"""The connection to one webhook: a request out, the answer in, kept for the next message.

There is one server, one request at a time and one thread, so a pool and an object for each
request would be most of what a message costs. httptools (llhttp, the parser of Node.js) takes
the answer apart. What goes wrong is an httpx error, as on the way through a proxy.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from collections.abc import Callable

import httptools
import httpx

from digestd.delivery.classify import HttpAnswer

# Those of each message alone.
_OURS = (b"content-length", b"transfer-encoding", b"idempotency-key")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}
_IDLE_SECONDS = 30.0  # that a connection is kept for
_PIECE = 64 * 1024
_MAX_HEAD = 100 * 1024
MAX_ANSWER_BYTES = 4096


class HookLine:
    """See the module. Used by one thread at a time."""

    def __init__(
        self,
        asked: httpx.Request,
        *,
        tls: Callable[[], ssl.SSLContext],
        timeout: httpx.Timeout,
    ) -> None:
        """`asked` is what all messages have in common.

        Raises httpx.LocalProtocolError for headers that must not be written.
        """
        self._url = asked.url
        self._method = asked.method
        self._tls = tls
        self._timeout = timeout
        lines = [asked.method.encode("ascii") + b" " + asked.url.raw_path + b" HTTP/1.1"]
        for name, value in asked.headers.raw:
            if not _TOKEN.fullmatch(name) or _NO_VALUE.search(value):
                raise httpx.LocalProtocolError("a header that cannot be sent")
            if name.lower() not in _OURS:
                lines.append(name + b": " + value)
        self._head = b"\r\n".join(lines)
        self._sock: socket.socket | None = None
        self._used_at = 0.0

    def exchange(self, key: str, body: bytes, *, longest: float, patience: float) -> HttpAnswer:
        """Send `body` under an Idempotency-Key; return the answer, of its text the beginning.

        The whole takes at most `longest` seconds, and the text, once the status has
        arrived and with it the verdict, `patience`.
        """
        until = time.monotonic() + longest
        sock = self._kept() or self._connect()
        self._sock = None  # until it is certain that another request may follow
        answer = _Answer(without_body=self._method == "HEAD")
        try:
            self._send(sock, key, body, until)
            while not answer.has_head:
                answer.take(self._receive(sock, until))
            until = min(until, time.monotonic() + patience)
            try:
                while not answer.is_done and len(answer.body) < MAX_ANSWER_BYTES:
                    answer.take(self._receive(sock, until))
            except httpx.HTTPError:
                pass  # the verdict stands
            if answer.may_follow:
                self._sock, self._used_at = sock, time.monotonic()
        finally:
            if self._sock is None:
                sock.close()
        return answer.told()

    def close(self) -> None:
        """Close the connection."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _kept(self) -> socket.socket | None:
        """Return the connection of the last message if the server still holds it."""
        if self._sock is None:
            return None
        said = select.poll()
        said.register(self._sock, select.POLLIN)
        # Before a request there is nothing to say but goodbye.
        if time.monotonic() - self._used_at > _IDLE_SECONDS or said.poll(0):
            self.close()
        return self._sock

    def _connect(self) -> socket.socket:
        host = self._url.raw_host.decode("ascii")
        port = self._url.port or _PORTS[self._url.scheme]
        try:
            sock = socket.create_connection((host, port), self._timeout.connect)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx.ConnectError(str(exc)) from exc
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._url.scheme == "https":
                sock = self._tls().wrap_socket(sock, server_hostname=host)
        except TimeoutError as exc:
            sock.close()
            raise httpx.ConnectTimeout(str(exc)) from exc
        except OSError as exc:  # every error of TLS is one
            sock.close()
            raise httpx.ConnectError(str(exc)) from exc
        return sock

    def _send(self, sock: socket.socket, key: str, body: bytes, until: float) -> None:
        own = f"\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii")
        sock.settimeout(_left(self._timeout.write, until))
        try:
            sock.sendall(self._head + own + body)
        except TimeoutError as exc:
            raise httpx.WriteTimeout(str(exc)) from exc
        except OSError:
            pass  # who hangs up on a body that is too large may have said so before

    def _receive(self, sock: socket.socket, until: float) -> bytes:
        sock.settimeout(_left(self._timeout.read, until))
        try:
            return sock.recv(_PIECE)
        except TimeoutError as exc:
            raise httpx.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx.ReadError(str(exc)) from exc


def _left(usual: float | None, until: float) -> float:
    """Return how long the next step may take: the usual, and no longer than the whole."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("timed out")
    return left if usual is None else min(usual, left)


class _Answer:
    """What httptools finds in the bytes of an answer (a 1xx is none)."""

    def __init__(self, *, without_body: bool) -> None:
        self._parser = httptools.HttpResponseParser(self)
        # What servers get wrong without making the answer ambiguous.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_data_after_close=True,
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._without_body = without_body
        self._taken = 0
        self._status = 0
        self._reason = b""
        self._headers: dict[str, str] = {}
        self.body = bytearray()
        self.has_head = False
        self.is_done = False
        self.may_follow = False  # whether the connection serves for another request

    def take(self, data: bytes) -> None:
        """Take bytes off the wire; none are the end. Raises httpx.RemoteProtocolError."""
        if not data:
            if not self.has_head:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            self.is_done = True
            return
        self._taken += len(data)
        if not self.has_head and self._taken > _MAX_HEAD:
            raise httpx.RemoteProtocolError("more head than an answer may have")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            raise httpx.RemoteProtocolError("switched to another protocol") from exc
        except httptools.HttpParserError as exc:
            raise httpx.RemoteProtocolError(str(exc)) from exc

    def told(self) -> HttpAnswer:
        """Return what came back."""
        # Raw: an answer that inflates is not worth a look.
        plain = "content-encoding" not in self._headers
        text = bytes(self.body[:MAX_ANSWER_BYTES]).decode("utf-8", "replace") if plain else ""
        return HttpAnswer(self._status, self._reason.decode("ascii", "ignore"), self._headers, text)

    # --- what the parser finds -----------------------------------------------------------

    def on_message_begin(self) -> None:
        """Take the first byte of an answer, or of one to a question that nobody asked."""
        self.may_follow = False

    def on_status(self, reason: bytes) -> None:
        """Take the words beside the status."""
        if not self.has_head:
            self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is of no interest."""
        if not self.has_head:
            key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
            known = self._headers.get(key)
            self._headers[key] = f"{known}, {text}" if known is not None else text

    def on_headers_complete(self) -> None:
        """Take the end of a head."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.has_head:
            self._status = status
            self.has_head = True
            self.is_done = self._without_body

    def on_body(self, body: bytes) -> None:
        """Take a piece of the text."""
        if not self.is_done and len(self.body) < MAX_ANSWER_BYTES:
            self.body += body

    def on_message_complete(self) -> None:
        """Take the end of an answer, or of a 1xx before it."""
        if self.is_done and not self._without_body:
            return  # of one to nothing
        if self.has_head:
            self.is_done = True
            self.may_follow = self._parser.should_keep_alive()
        else:
            self._reason, self._headers = b"", {}
