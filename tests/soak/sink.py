"""The other side, in a process of its own: five webhooks, of which one hangs and one fails.

Prints its port, then answers POST /NAME. What it accepts is in a log, one line
for each: NAME, Idempotency-Key, seconds. `GET /heal` makes all well, `GET /end`
ends it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path


class Sink:
    """Keeps connections open, as services do; hangs and fails by name."""

    def __init__(self, log: Path) -> None:
        self.log = log.open("a", buffering=1)
        self.ill = True
        self.seen = 0
        self.ended = asyncio.Event()
        self.never = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode("latin-1").split(" ", 2)
                fields = dict(
                    line.lower().split(": ", 1)
                    for line in head.decode("latin-1").split("\r\n")[1:-2]
                )
                await reader.readexactly(int(fields.get("content-length", "0")))
                answer = await self.answer(method, path.strip("/"), fields)
                writer.write(f"HTTP/1.1 {answer} X\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, name: str, fields: dict[str, str]) -> int:
        """Return the status for one request, or never return."""
        if method == "GET":
            self.ill = self.ill and name != "heal"
            if name == "end":
                self.ended.set()
            return 200
        if name == "hangs" and self.ill:
            await self.never.wait()
        if name == "fails" and self.ill:
            self.seen += 1
            if self.seen % 2:
                return 500
        self.log.write(f"{name} {fields['idempotency-key']} {time.monotonic()}\n")
        return 200


async def main() -> None:
    """Serve until told to end."""
    sink = Sink(Path(sys.argv[1]))
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await sink.ended.wait()
    os._exit(0)  # what hangs, hangs


if __name__ == "__main__":
    asyncio.run(main())
