"""What servers for tests have in common: a thread with a loop of its own, and an orderly end.

So plain tests, async tests and other processes can use them alike.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self


class LoopServer:
    """Serves from `with` to its end, on a `port` of 127.0.0.1 that was free."""

    def __init__(self) -> None:
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    async def start(self) -> asyncio.Server:
        """Return what listens."""
        raise NotImplementedError

    async def hang_up(self) -> None:
        """Break off what a task does not end."""

    async def look_after(self) -> None:
        """Wait for what ends after the tasks have."""
        await _rounds()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda loop, context: None)  # broken pipes are the point
        server = self.loop.run_until_complete(self.start())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self.loop.run_forever()
        # A closed server takes no more: what was accepted just now would have no owner.
        for listening in server.sockets:
            self.loop.remove_reader(listening)
        self.loop.run_until_complete(_rounds())
        server.close()
        self.loop.run_until_complete(self.hang_up())
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.look_after())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


async def _rounds() -> None:
    """Let the loop take note of connections that were opened or closed just now."""
    for _ in range(5):
        await asyncio.sleep(0)
