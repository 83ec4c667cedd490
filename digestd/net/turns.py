"""Turns at one origin: who goes first, and who has had a turn for too long."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum
from itertools import chain

from digestd.frozen import dataclass

# So many may go before one that is slower, one after the other.
_MOST_BEFORE = 4


class Pace(IntEnum):
    """How quickly answers are known to come, and with it the order of those who wait."""

    QUICK = 0
    UNKNOWN = 1
    SLOW = 2


class TurnLostError(Exception):
    """The answer took long and others waited: to be asked again when they are through."""


@dataclass(eq=False, slots=True)
class Turn:
    """One request that may be open. One without a `limit` cannot lose it."""

    since: float
    limit: asyncio.Timeout | None = None
    is_lost: bool = False

    def lose(self) -> None:
        """End what holds the turn."""
        if self.limit is not None and not self.is_lost:
            self.is_lost = True
            self.limit.reschedule(0)


class Turns:
    """So many requests at once, of which slow ones leave one to those that answer quickly.

    Who is known to answer quickly goes first. While one waits that is not known to be slow,
    requests that have been open for `patience` seconds lose their turns, but for the oldest,
    so that what is slow without malice is answered in the end. Where there is but one turn
    none is lost.
    """

    def __init__(self, count: int, patience: float) -> None:
        self._free = count
        self._slow_may_keep = max(1, count - 1)
        self._patience = patience
        self._held: set[Turn] = set()
        self._waiting: dict[Pace, deque[asyncio.Future[None]]] = {}  # most have nobody
        self._before = 0  # those that went before slower ones, in a row
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, pace: Pace) -> Turn:
        """Wait for a turn, which is to be given back."""
        loop = asyncio.get_running_loop()
        if self._free:
            self._free -= 1
        else:
            ready = loop.create_future()
            self._waiting.setdefault(pace, deque()).append(ready)
            if pace is not Pace.SLOW and self._timer is None:
                self._press()
            try:
                await ready
            except asyncio.CancelledError:
                if not ready.cancelled():  # it had come to us
                    self._let_in()
                raise
        turn = Turn(loop.time())
        self._held.add(turn)
        return turn

    def give(self, turn: Turn) -> None:
        """Give a turn back."""
        self._held.remove(turn)
        self._let_in()

    def _let_in(self) -> None:
        """Pass a turn on."""
        while queues := [queue for _, queue in sorted(self._waiting.items()) if queue]:
            whose = -1 if self._before >= _MOST_BEFORE else 0
            ready = queues[whose].popleft()
            if not ready.done():  # else nobody waits for it any more
                self._before = self._before + 1 if queues[whose] is not queues[-1] else 0
                ready.set_result(None)
                return
        self._free += 1

    def _press(self) -> None:
        """Take turns from the slow while a quick one waits; look again when one may be slow."""
        loop = asyncio.get_running_loop()
        self._timer = None
        quicker = (queue for pace, queue in self._waiting.items() if pace is not Pace.SLOW)
        if all(ready.done() for ready in chain(*quicker)):
            return
        slow = sorted(
            (turn for turn in self._held if loop.time() - turn.since >= self._patience),
            key=lambda turn: turn.since,
        )
        for turn in slow[self._slow_may_keep :]:
            turn.lose()
        self._timer = loop.call_later(self._patience / 4, self._press)
