"""Whose turn it is: one at a time, those who may go ahead before all others."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two ranks; within one, who comes first is served first."""

    def __init__(self) -> None:
        self._taken = False
        self._count = 0
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, *, ahead: bool) -> AsyncIterator[None]:
        """Wait for a turn and hold it."""
        if self._taken:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._count += 1
            heapq.heappush(self._waiting, (not ahead, self._count, mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._pass_on()  # it was given in the same moment
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            *_, following = heapq.heappop(self._waiting)
            if not following.done():
                following.set_result(None)
                return
        self._taken = False
