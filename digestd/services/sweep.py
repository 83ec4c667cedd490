"""Looking around: what other processes did to the database, and what the dead left leased."""

from __future__ import annotations

from collections.abc import Callable

from digestd import telemetry
from digestd.services.waiting import Bell
from digestd.store import daemons
from digestd.store.db import changes_seen
from digestd.store.lanes import Store


class Sweeper:
    """Rings the other loops when somebody else has written, and frees dead owners' leases."""

    def __init__(self, store: Store, owner: str, ring_all: Callable[[], None]) -> None:
        self.bell = Bell()
        self._store = store
        self._owner = owner
        self._ring_all = ring_all
        self._version = -1
        self._stopping = False

    async def run(self) -> None:
        """Look whenever rung, until `stop`."""
        while not self._stopping:
            await self.work()
            await self.bell.wait()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self.bell.ring()

    async def work(self) -> None:
        """Look once."""
        dead = await self._store.read(daemons.dead_holders, self._owner)
        if dead:
            await self._store.write(daemons.free, dead)
            telemetry.warning("took over", from_dead=len(dead))
        version = await self._store.read(changes_seen)
        if version != self._version:
            self._version = version
            self._ring_all()
