"""Memory that all bodies in flight share: whoever would exceed it waits its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

# Bodies up to `SMALL` are not counted one by one: as many as there may be requests open (32 by
# default) take another 32 MB. With the copy that is made of one when it is whole it is 96 MB.
SMALL = 1 << 20
SHARED = 48 << 20


class Place:
    """Room that one body holds, until it leaves; at the latest where an `async with` ends."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    async def take(self, size: int) -> None:
        """Wait for room for a body of up to `size` bytes, once; more than all there is, is all."""
        if not self._held:
            wanted = min(size, self._room.total)
            await self._room.reserve(wanted)
            self._held = wanted

    def leave(self) -> None:
        """Give the room back: the body is no more needed."""
        held, self._held = self._held, 0
        if held:
            self._room.free(held)


class Room:
    """See the module. Who comes first is served first, so that a large body is not passed over."""

    def __init__(self, total: int = SHARED) -> None:
        self.total = total
        self._left = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def place(self) -> Place:
        """Return a place that holds nothing yet."""
        return Place(self)

    async def reserve(self, size: int) -> None:
        """Wait until `size` bytes are free, and take them."""
        if not self._waiting and size <= self._left:
            self._left -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.free(size)  # it was given in the same moment
            else:
                self._waiting = deque(one for one in self._waiting if one[1] is not turn)
                self.free(0)
            raise

    def free(self, size: int) -> None:
        """Give `size` bytes back, and let in who waits for them."""
        self._left += size
        while self._waiting and self._waiting[0][0] <= self._left:
            wanted, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._left -= wanted
                turn.set_result(None)
