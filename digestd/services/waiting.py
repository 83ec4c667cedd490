"""Waiting that can be woken, and never sleeps through a moved clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

# However far away the next due time is, the wall clock is read again by then:
# it may be set, and a laptop may sleep.
LONGEST_WAIT = timedelta(seconds=30)


class Bell:
    """An event that wakes one waiting loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        # When its loop last came round to wait, in the event loop's seconds.
        self.waited_at = asyncio.get_running_loop().time()

    def ring(self) -> None:
        """Wake the loop now, or let its next wait end at once."""
        self._event.set()

    def touch(self) -> None:
        """Note that the loop goes round, though it has no time to wait."""
        self.waited_at = asyncio.get_running_loop().time()

    async def wait(self, span: timedelta | None = None) -> None:
        """Return when rung, or after `span` (None: as long as is allowed), 30 s at most."""
        self.touch()
        limit = LONGEST_WAIT if span is None else min(max(span, timedelta(0)), LONGEST_WAIT)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
