"""A scripted HTTP(S) server on 127.0.0.1, for tests: it answers, or does anything but.

    with WebServer() as web:
        web.route("/feed", answer(b"<rss/>", etag='"v1"'))
        web.route("/twice", status(500), answer(b"<rss/>"))   # in turn, the last for ever
        fetch(web.url("/feed"))
        assert web.requests[-1].headers["user-agent"]

It runs in a thread with a loop of its own, so plain and async tests, and other
processes, can use it alike. A route's script is a list of actions: coroutine
functions of a request and a stream; write one on the spot where the ones below
do not do. Each connection serves one request, then closes.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import trustme

from tests.support.loopserver import LoopServer


@dataclass(frozen=True)
class Request:
    """What was asked. Header names are lower case; `host` is the Host header."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes = b""

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


Action = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
Headers = dict[str, str]


# --- actions ---------------------------------------------------------------------------


def answer(
    body: bytes | str = b"",
    status: int = 200,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    **headers: str,
) -> Action:
    """A whole answer; a 304 where the request's validators match.

    Further headers by keyword: `content_type="text/xml"`.
    """
    raw = body.encode() if isinstance(body, str) else body
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    if etag is not None:
        extra["ETag"] = etag
    if last_modified is not None:
        extra["Last-Modified"] = last_modified

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        asked_etag = request.headers.get("if-none-match")
        asked_date = request.headers.get("if-modified-since")
        same = asked_etag == etag if asked_etag else asked_date and asked_date == last_modified
        if same and (etag or last_modified):
            out.write(head(304, extra))
        else:
            out.write(head(status, {"Content-Length": str(len(raw)), **extra}) + raw)
        await out.drain()

    return act


def status(code: int, **headers: str) -> Action:
    """An empty answer with this status."""
    return answer(b"", code, **headers)


def redirect(to: str, code: int = 302) -> Action:
    return answer(b"", code, Location=to)


def encoded(body: bytes, *encodings: str) -> Action:
    """The body under these content encodings, first to last (`gzip`, `deflate`, `raw-deflate`)."""
    packed = body
    for name in encodings:
        packed = pack(packed, name)
    named = ", ".join("deflate" if name == "raw-deflate" else name for name in encodings)
    return answer(packed, content_encoding=named)


def raw(data: bytes) -> Action:
    """These bytes and no others, then the end."""

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        out.write(data)
        await out.drain()

    return act


def endless(start: bytes, piece: bytes, every: float = 0.0) -> Action:
    """`start`, then `piece` again and again, until the client has had enough."""

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        out.write(start)
        while True:
            await out.drain()
            await asyncio.sleep(every)
            out.write(piece)

    return act


async def hang(request: Request, out: asyncio.StreamWriter) -> None:
    """Says nothing until the client leaves or the server stops."""
    await asyncio.Event().wait()


async def reset(request: Request, out: asyncio.StreamWriter) -> None:
    """Breaks the connection off with a RST."""
    sock = out.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    out.transport.abort()


def head(code: int, headers: Headers) -> bytes:
    """Return a status line and headers as bytes; values may hold any Latin-1 character."""
    phrase = next((s.phrase for s in HTTPStatus if s == code), "Whatever")
    lines = [f"HTTP/1.1 {code} {phrase}"] + [f"{k}: {v}" for k, v in headers.items()]
    return ("\r\n".join([*lines, "Connection: close", "", ""])).encode("latin-1")


def pack(body: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "x-gzip"):
        return gzip.compress(body, mtime=0)
    if encoding == "deflate":
        return zlib.compress(body)
    if encoding == "raw-deflate":
        return zlib.compress(body)[2:-4]
    return body


# --- the server ------------------------------------------------------------------------


class WebServer(LoopServer):
    """See the module. `tls` makes it HTTPS. `requests` grows as they arrive.

    `bind` may be more than 127.0.0.1: all of 127.0.0.0/8 leads here, each address an origin.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, bind: str = "127.0.0.1") -> None:
        super().__init__()
        self._bind = bind
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self._errors: list[Exception] = []  # an action's mistakes, raised when the server stops
        self._scripts: dict[str, list[Action]] = {}
        self._arrived = threading.Condition()
        self._open: set[asyncio.StreamWriter] = set()

    def route(self, path: str, *actions: Action) -> None:
        """Answer `path` (its query ignored) by these actions in turn, the last one for ever.

        "*" is every path that has no actions of its own.
        """
        self._scripts[path] = list(actions)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return the paths asked so far, in order."""
        return [request.path for request in self.requests]

    def wait_for(self, count: int, timeout: float = 10.0) -> None:
        """Block until `count` requests have arrived; TimeoutError if they do not."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests arrived")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._errors and error is None:
            raise self._errors[0]

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, self._bind, 0, ssl=self._tls)

    async def _serve(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(out)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                request = await _read(reader)
                acting = asyncio.ensure_future(self._next_action(request)(request, out))
                leaving = asyncio.ensure_future(reader.read())
                await asyncio.wait([acting, leaving], return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                if not acting.done():
                    acting.cancel()
                with suppress(asyncio.CancelledError):
                    await acting
        except Exception as exc:  # noqa: BLE001 - a test's own mistake must not pass for a broken peer
            self._errors.append(exc)
        finally:
            out.close()
            with suppress(OSError):
                await out.wait_closed()
            self._open.discard(out)

    async def hang_up(self) -> None:
        for out in self._open:
            out.transport.abort()  # what nobody reads would keep it open

    def _next_action(self, request: Request) -> Action:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        elsewhere = self._scripts.get("*", [status(404)])
        script = self._scripts.get(request.path.partition("?")[0], elsewhere)
        return script.pop(0) if len(script) > 1 else script[0]


async def _read(reader: asyncio.StreamReader) -> Request:
    block = await reader.readuntil(b"\r\n\r\n")
    first, *lines = block.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


# --- certificates ----------------------------------------------------------------------


class Authority:
    """A certificate authority of the test's own. `pem` is what a client must trust."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.pem: bytes = self._ca.cert_pem.bytes()

    def write_server_pem(self, path: Path, *names: str) -> None:
        """Write a key and a certificate for `names`, for a server in another process."""
        self._ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(path)

    def server_context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return a context with a certificate for `names` (default: 127.0.0.1, localhost)."""
        until = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
        since = datetime(2019, 1, 1, tzinfo=UTC) if expired else None
        known: Iterable[str] = names or ("127.0.0.1", "localhost")
        certificate = self._ca.issue_cert(*known, not_after=until, not_before=since)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context
