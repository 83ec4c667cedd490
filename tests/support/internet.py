"""The web as far as a test wants it: any host, http and https, behind a proxy on loopback.

    with Internet({"https://example.org/feed": Answer(RSS)}) as internet:
        client = Client(internet.context(), proxy=internet.proxy)

A program that uses the proxy and trusts the authority reaches these addresses and no
others: what is not there is a 404 on a host that is, and no host otherwise.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from digestd.net.tls import make_context
from tests.support.loopserver import LoopServer
from tests.support.webserver import Authority


@dataclass(frozen=True)
class Answer:
    body: str | bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        phrase = HTTPStatus(self.status).phrase
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(body)),
            "Connection": "close",
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


def moved(to: str, status: int = 301) -> Answer:
    return Answer(status=status, headers={"Location": to})


_NOWHERE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NOT_THERE = Answer("<html><title>Not found</title>nothing here</html>", status=404)


class Internet(LoopServer):
    """See the module. `asked` grows with every address that is asked for."""

    def __init__(self, pages: Mapping[str, Answer]) -> None:
        super().__init__()
        self.pages = dict(pages)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.authority = Authority()
        self.hosts = {urlsplit(url).netloc for url in pages}
        names = sorted({host.partition(":")[0] for host in self.hosts}) or ["localhost"]
        self._tls = self.authority.server_context(*names)

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def urls(self) -> list[str]:
        return [url for url, _ in self.asked]

    def context(self, pem: str) -> ssl.SSLContext:
        """Return a client's context that trusts these hosts; `pem` is a file to write."""
        Path(pem).write_bytes(self.authority.pem)
        return make_context(cert_file=pem)

    async def _serve(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            method, target, headers = await _read(reader)
            if method == "CONNECT":
                host = target.removesuffix(":443")
                if host not in self.hosts:
                    out.write(_NOWHERE)
                else:
                    out.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                    await out.drain()
                    await out.start_tls(self._tls)
                    _, path, headers = await _read(reader)
                    out.write(self._answer(f"https://{host}{path}", headers))
            else:
                out.write(self._answer(target, headers))
            await out.drain()
        with suppress(OSError, ssl.SSLError):
            out.close()
            await out.wait_closed()

    def _answer(self, url: str, headers: dict[str, str]) -> bytes:
        self.asked.append((url, headers))
        if urlsplit(url).netloc not in self.hosts:
            return _NOWHERE
        return self.pages.get(url, _NOT_THERE).as_bytes()


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    block = await reader.readuntil(b"\r\n\r\n")
    first, *lines = block.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return method, target, {name.strip().lower(): value.strip() for name, _, value in pairs}
