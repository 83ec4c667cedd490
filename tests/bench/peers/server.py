"""The world outside, in a process of its own: feeds over HTTP, and sinks for what is sent.

    python -m tests.bench.peers.server [--tls FOLDER]

prints one line of JSON with its ports once it listens, on hundreds of loopback addresses, since
feeds have different hosts. `GET /control?…` sets how feeds answer:

- `mode`: `honest` (304 where a validator fits), `deaf` (never a 304)
- `first`: the number of the oldest entry listed; one more is one new entry in every feed
- `built`: changes the date in the heads
- `make`: makes the documents of so many feeds now, so that nobody waits for them while measured
- `latency`: the median wait for an answer, in seconds; long for some feeds, always the same ones

`GET /stats` tells, and forgets, how often feeds and sinks were used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gzip
import hashlib
import json
import resource
import ssl
import sys
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl

from tests.bench.peers.corpus import document

HOSTS = 670  # for 1,000 subscriptions, as people have them
_DOCUMENTS = 4_000  # more feeds than these share them: making one takes longer than reading it
TODAY = datetime.combine(datetime.now(UTC).date(), time(), tzinfo=UTC)


def address(number: int) -> str:
    """Return the loopback address that feed `number` lives at."""
    return host(Random(number).randrange(HOSTS))


def path(number: int) -> str:
    """Return the path of feed `number`: the document's number, and which of its copies it is."""
    copy, document = divmod(number, _DOCUMENTS)
    return f"/feed/{document}/{copy}" if copy else f"/feed/{document}"


def host(number: int) -> str:
    return f"127.0.{7 + number // 250}.{1 + number % 250}"


class World:
    """What the feeds say now, and what has arrived."""

    def __init__(self) -> None:
        self.honest = True
        self.first = 0
        self.built = 0
        self.latency = 0.0
        self.served: dict[str, int] = {}
        self.posted = 0
        self.mailed = 0

    def control(self, query: str) -> None:
        for name, value in parse_qsl(query):
            match name:
                case "mode":
                    self.honest = value == "honest"
                case "first":
                    self.first = int(value)
                case "built":
                    self.built = int(value)
                case "latency":
                    self.latency = float(value)
                case "make":
                    self._make(int(value))

    def _make(self, feeds: int) -> None:
        for number in range(min(feeds, _DOCUMENTS)):
            _answer(number, self.first, self.built)

    def stats(self) -> dict[str, int]:
        found = {**self.served, "posted": self.posted, "mailed": self.mailed}
        self.served, self.posted, self.mailed = {}, 0, 0
        return found

    def count(self, what: str) -> None:
        self.served[what] = self.served.get(what, 0) + 1


@functools.lru_cache(maxsize=_DOCUMENTS)
def _answer(number: int, first: int, built: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the ETag, the Last-Modified, the head of a 200 and its compressed body."""
    built_at = TODAY + timedelta(seconds=60 * first + built)
    body, content_type = document(number, first, built_at, TODAY)
    packed = gzip.compress(body, 5)
    etag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    modified = format_datetime(built_at, usegmt=True)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nETag: {etag}\r\n"
        f"Last-Modified: {modified}\r\nCache-Control: max-age=300\r\nVary: Accept-Encoding\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return etag.encode(), modified.encode(), head.encode(), packed


class Http(asyncio.Protocol):
    """HTTP/1.1 as far as it is needed here, and no slower than that."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            start, *lines = self._buffer[:end].split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines if b": " in line)
            fields = {name.lower(): value for name, value in headers.items()}
            size = int(fields.get(b"content-length", b"0"))
            if len(self._buffer) < end + 4 + size:
                if fields.get(b"expect"):
                    self._out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self._buffer = self._buffer[end + 4 + size :]
            path = start.split(b" ")[1].decode()
            answer = self._respond(path, fields)
            wait = self._wait(path)
            if wait:
                asyncio.get_running_loop().call_later(wait, self._write, answer, fields)
            else:
                self._write(answer, fields)

    def _write(self, answer: bytes, fields: dict[bytes, bytes]) -> None:
        if not self._out.is_closing():
            self._out.write(answer)
            if fields.get(b"connection", b"").lower() == b"close":
                self._out.close()

    def _wait(self, path: str) -> float:
        if not self._world.latency or not path.startswith("/feed/"):
            return 0.0
        return self._world.latency * Random(path).lognormvariate(0.0, 0.8)

    def _respond(self, path: str, fields: dict[bytes, bytes]) -> bytes:
        kind, _, rest = path[1:].partition("/")
        name, _, query = kind.partition("?")
        match name:
            case "feed":
                return self._feed(int(rest.partition("/")[0]), fields)
            case "sink":
                self._world.posted += 1
                return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            case "control":
                self._world.control(query)
                return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            case "stats":
                said = json.dumps(self._world.stats()).encode()
                return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    def _feed(self, number: int, fields: dict[bytes, bytes]) -> bytes:
        world = self._world
        etag, modified, head, body = _answer(number, world.first, world.built)
        if world.honest and (
            fields[b"if-none-match"] == etag
            if b"if-none-match" in fields
            else fields.get(b"if-modified-since") == modified
        ):
            world.count("304")
            return b"HTTP/1.1 304 Not Modified\r\nETag: %b\r\nLast-Modified: %b\r\n\r\n" % (
                etag,
                modified,
            )
        world.count("200")
        if b"gzip" in fields.get(b"accept-encoding", b""):
            return head + body
        plain = gzip.decompress(body)
        head = head.replace(b"Content-Encoding: gzip\r\n", b"")
        return (
            head.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % len(plain))
            + plain
        )


class Mail(asyncio.Protocol):
    """A mail server that takes everything and keeps nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buffer = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport
        self._out.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            mark = b"\r\n.\r\n" if self._in_data else b"\r\n"
            found, end, rest = self._buffer.partition(mark)
            if not end:
                return
            self._buffer = rest
            if self._in_data:
                self._in_data = False
                self._world.mailed += 1
                self._out.write(b"250 ok\r\n")
                continue
            verb = found[:4].upper()
            self._in_data = verb == b"DATA"
            self._out.write(b"354 go on\r\n" if self._in_data else b"250 ok\r\n")
            if verb == b"QUIT":
                self._out.close()


def _context(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem")
    return context


async def serve(certificates: Path | None) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    world, loop = World(), asyncio.get_running_loop()

    def http() -> Http:
        return Http(world)

    plain = await loop.create_server(http, "127.0.0.1", 0)
    port = plain.sockets[0].getsockname()[1]
    for name in map(host, range(HOSTS)):
        context = _context(certificates, name) if certificates else None
        await loop.create_server(http, name, port, ssl=context, backlog=500)
    mail = await loop.create_server(lambda: Mail(world), "127.0.0.1", 0)
    ports = {"http": port, "smtp": mail.sockets[0].getsockname()[1]}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", type=Path, metavar="FOLDER", help="of HOST.pem, key and chain")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().tls))


if __name__ == "__main__":
    main()
