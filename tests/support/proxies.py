"""A proxy on 127.0.0.1, for tests: HTTP (CONNECT and whole addresses) and SOCKS5 on one port.

with Proxy() as proxy:
    ...go through http://u:p@127.0.0.1:{proxy.port} or socks5h://u:p@127.0.0.1:{proxy.port}...
    assert proxy.asked == [("socks5", "elsewhere.example", 25, "u:p")]

Whatever name it is asked for, it connects to 127.0.0.1: so nothing leaves the
machine, and a name that arrives here was not looked up by the client.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from urllib.parse import urlsplit

from tests.support.loopserver import LoopServer


class Proxy(LoopServer):
    """See the module. `asked` grows as requests come: kind, host, port, login."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, int, str]] = []

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                first = await reader.readexactly(1)
                if first == b"\x05":
                    await self._socks(reader, out)
                else:
                    await self._http(first, reader, out)
        finally:
            await _closed(out)

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, where, version = lines[0].split(" ")
        login = ""
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "proxy-authorization":
                login = base64.b64decode(value.split(" ")[1]).decode()
        if method == "CONNECT":
            host, _, port = where.rpartition(":")
            self.asked.append(("connect", host, int(port), login))
            answer, sent_on = b"HTTP/1.1 200 OK\r\n\r\n", b""
        else:
            parts = urlsplit(where)
            host, port = parts.hostname or "", str(parts.port or 80)
            self.asked.append(("http", host, int(port), login))
            answer = b""
            rest = "\r\n".join([f"{method} {parts.path} {version}", *lines[1:]])
            sent_on = rest.encode("latin-1")
        await self._join(int(port), answer, sent_on, reader, out)

    async def _socks(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        """RFC 1928, with the login of RFC 1929 where it is offered."""
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        login = ""
        if 2 in methods:
            out.write(b"\x05\x02")
            await reader.readexactly(1)
            words = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
            login = b":".join(words).decode()
            out.write(b"\x01\x00")
        else:
            out.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(("socks5", host, port, login))
        await self._join(port, b"\x05\x00\x00\x01\0\0\0\0\0\0", b"", reader, out)

    async def _join(
        self,
        port: int,
        answer: bytes,
        sent_on: bytes,
        reader: asyncio.StreamReader,
        out: asyncio.StreamWriter,
    ) -> None:
        """Connect to `port` here, and pass on what either side says."""
        far_reader, far_out = await asyncio.open_connection("127.0.0.1", port)
        try:
            out.write(answer)
            far_out.write(sent_on)
            await asyncio.gather(_pass_on(reader, far_out), _pass_on(far_reader, out))
        finally:
            await _closed(far_out)


async def _closed(out: asyncio.StreamWriter) -> None:
    out.close()
    with suppress(OSError):
        await out.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            out.write(data)
            await out.drain()
    out.close()
