"""Polling: the loop over all feeds that are due, each from its lease to its return."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from datetime import timedelta
from typing import Any

from digestd import telemetry
from digestd.clock import Clock
from digestd.config import PollSettings
from digestd.core.models import Feed
from digestd.services.refresh import FOR_STRANGERS, PollReport, Refresher, is_stranger
from digestd.services.waiting import Bell
from digestd.store import feeds
from digestd.store.lanes import Store

# Renewed while its holder lives; taken back at once when it is dead.
LEASE = timedelta(minutes=5)
# More feeds than may be asked at once are taken up, so that a slow host's queue
# leaves the other hosts their turn.
_TAKEN_PER_SLOT = 4
# While what is new or failing takes up its part of those places, feeds that are well are
# looked for this often: they stand behind the others.
_LOOK_AGAIN = timedelta(seconds=1)
_NOT_SOONER = timedelta(seconds=0.2)


class Poller:
    """Takes up feeds when they are due, so many at once, and has them refreshed."""

    def __init__(
        self,
        refresher: Refresher,
        *,
        store: Store,
        settings: PollSettings,
        owner: str,
        clock: Clock,
    ) -> None:
        self.bell = Bell()
        self._refresher = refresher
        self._store = store
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._taken: set[asyncio.Task[None]] = set()
        self._strangers = 0  # of them
        self._looked_at = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Ask whatever is due, until `stop`; what is asked then is finished."""
        try:
            while not self._stopping:
                await self._take_up()
                due_at = await self._store.read(feeds.next_due_at)
                span = None if due_at is None else max(due_at - self._clock(), _NOT_SOONER)
                if len(self._taken) >= self._most_taken:
                    span = None
                elif self._is_full_of_strangers:
                    span = _LOOK_AGAIN
                await self.bell.wait(span)
            await self._all_returned()
        finally:
            for task in self._taken:
                task.cancel()

    def stop(self) -> None:
        """Take up nothing more; let `run` end when what is in flight has returned."""
        self._stopping = True
        self.bell.ring()

    async def run_once(self, pks: Iterable[int] | None = None) -> list[PollReport]:
        """Ask every feed that is due now, or those of `pks` due or not; return what came of it."""
        if pks is None:
            return [report async for some in self.batches() for report in some]
        reports: list[PollReport] = []
        for pk in pks:
            now = self._clock()
            feed = await self._store.write(feeds.lease_one, pk, self._owner, now, now + LEASE)
            if feed is not None:
                reports.append(await self._refresher.poll(feed, planned=False))
        return reports

    async def batches(self) -> AsyncIterator[list[PollReport]]:
        """Ask every feed that is due now; yield what came of them, some at a time.

        When half of the places are free they are filled again: who is slow holds up nobody.
        """
        asked = _Asked()
        try:
            more = True
            while (more := more and not self._stopping) or asked.running:
                if more:
                    due = await self._lease(self._most_taken - len(asked.running))
                    asked.begin(map(self._refresher.poll, due))
                    more = bool(due)
                yield await asked.returned(self._most_taken // 2 if more else 0)
        finally:
            asked.cancel()

    async def renew_leases(self) -> None:
        """Keep what is taken up; for the supervisor to call now and then."""
        if self._taken:
            await self._store.write(feeds.renew, self._owner, self._clock() + LEASE)

    @property
    def _most_taken(self) -> int:
        return self._settings.concurrency * _TAKEN_PER_SLOT

    @property
    def _is_full_of_strangers(self) -> bool:
        return self._strangers >= int(self._most_taken * FOR_STRANGERS)

    async def _lease(self, limit: int, *, well: bool = False) -> list[Feed]:
        now = self._clock()
        return await self._store.write(
            feeds.lease_due, self._owner, now, now + LEASE, limit, well=well
        )

    async def _take_up(self) -> None:
        while not self._stopping and (room := self._most_taken - len(self._taken)) > 0:
            if self._is_full_of_strangers:
                if time.monotonic() - self._looked_at < _LOOK_AGAIN.total_seconds():
                    return
                self._looked_at = time.monotonic()
                due = await self._lease(room, well=True)
            else:
                most = int(self._most_taken * FOR_STRANGERS) - self._strangers
                due = await self._lease(min(room, most))
            for feed in due:
                self._take(feed)
            if not due:
                return

    def _take(self, feed: Feed) -> None:
        task = asyncio.create_task(self._poll_safely(feed), name=f"poll {feed.id}")
        self._taken.add(task)
        stranger = is_stranger(feed)
        self._strangers += stranger
        task.add_done_callback(functools.partial(self._returned, stranger=stranger))

    def _returned(self, task: asyncio.Task[None], *, stranger: bool) -> None:
        was_full = len(self._taken) >= self._most_taken or self._is_full_of_strangers
        self._taken.discard(task)
        self._strangers -= stranger
        if was_full:
            self.bell.ring()

    async def _all_returned(self) -> None:
        if self._taken:
            await asyncio.wait(self._taken)

    async def _poll_safely(self, feed: Feed) -> None:
        try:
            await self._refresher.poll(feed)
        except asyncio.CancelledError:
            await asyncio.shield(self._store.write(feeds.release, feed.pk, self._owner))
            raise
        except Exception as exc:  # noqa: BLE001 (one feed's trouble is that feed's alone)
            telemetry.error("poll failed", exc=exc, feed=feed.id)
            again = self._clock() + self._settings.limits.min_interval
            await self._store.write(feeds.postpone, feed.pk, self._owner, again)


class _Asked:
    """Polls under way, and what has come of those that have returned."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[PollReport]] = set()
        self._done: list[asyncio.Task[PollReport]] = []
        self._bell = Bell()
        self._least = 0

    def begin(self, polls: Iterable[Coroutine[Any, Any, PollReport]]) -> None:
        """Let these run too."""
        for poll in polls:
            task = asyncio.create_task(poll)
            self.running.add(task)
            task.add_done_callback(self._returned)

    async def returned(self, least: int) -> list[PollReport]:
        """Return what came of those that are done, when no more than `least` still run."""
        self._least = least
        while len(self.running) > least:
            await self._bell.wait(None)
        done, self._done = self._done, []
        return [task.result() for task in done]

    def cancel(self) -> None:
        """End those that still run: nobody hears of them any more."""
        for task in self.running:
            task.cancel()

    def _returned(self, task: asyncio.Task[PollReport]) -> None:
        self.running.discard(task)
        self._done.append(task)
        if len(self.running) <= self._least:
            self._bell.ring()
