"""Full texts: pages of entries fetched ahead of their digest, politely, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from digestd import telemetry
from digestd.clock import Clock
from digestd.config import PollSettings
from digestd.core.models import Entry, Feed, Subscription, Validators
from digestd.core.outcomes import Failed, Fetched
from digestd.core.parsed import FullText
from digestd.frozen import replace
from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.services.asking import ask
from digestd.services.messages import load
from digestd.services.waiting import Bell
from digestd.store import fulltexts
from digestd.store.lanes import Store
from digestd.worker.parent import JobFailedError, Worker

_AT_ONCE = 4
# What is older was in a digest, or waits for one with what its feed said.
_NEW = timedelta(days=7)
_BATCH = 200

Members = Mapping[int, tuple[Entry, Feed]]


class FullTexts:
    """Fetches the pages of entries whose feed has `full_text`, as they come."""

    def __init__(
        self,
        store: Store,
        client: Client,
        gate: HostGate,
        followed: Mapping[int, Subscription],
        settings: PollSettings,
        clock: Clock,
    ) -> None:
        """`followed`: what the owner wants of each feed, by `Feed.pk`."""
        self.bell = Bell()
        self.patience = 8.0  # seconds that a digest waits for what is missing
        self._store = store
        self._client = client
        self._gate = gate
        self._worker = Worker()
        self._wanted = {pk: one for pk, one in followed.items() if one.full_text}
        self._settings = settings
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._stopping = False

    async def run(self) -> None:
        """Fetch what digests will want, until `stop`."""
        while not self._stopping:
            if self._wanted:
                since = self._clock() - _NEW
                ids = await self._store.read(fulltexts.owed, list(self._wanted), since, _BATCH)
                await self._fetch(await self._store.read(load, ids), None)
            await self.bell.wait()

    def stop(self) -> None:
        """Let `run` end; what is not there yet is fetched another day."""
        self._stopping = True
        for task in self._running.values():
            task.cancel()
        self.bell.ring()

    async def close(self) -> None:
        """End what runs, and the child."""
        self.stop()
        await self.settle()
        await self._worker.close()

    async def settle(self) -> None:
        """Wait for what is being fetched."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def filled(self, members: Members) -> Members:
        """Return `members` with full texts; what is missing is waited for, not for long."""
        wanted = {id_: pair for id_, pair in members.items() if pair[1].pk in self._wanted}
        if not wanted:
            return members
        await self._fetch(wanted, self.patience)
        texts = await self._store.read(fulltexts.find, list(wanted))
        return {
            id_: (replace(entry, content_html=texts[id_]), feed) if id_ in texts else (entry, feed)
            for id_, (entry, feed) in members.items()
        }

    async def _fetch(self, members: Members, seconds: float | None) -> None:
        """Fetch what is missing of `members`; after `seconds` go on without waiting for it."""
        for id_ in await self._store.read(fulltexts.missing, list(members), self._clock()):
            if id_ not in self._running and not self._stopping:
                task = asyncio.create_task(self._one(*members[id_]), name=f"full text {id_}")
                task.add_done_callback(partial(self._ended, id_))
                self._running[id_] = task
        awaited = [self._running[id_] for id_ in members if id_ in self._running]
        if awaited:
            _, late = await asyncio.wait(awaited, timeout=seconds)
            if late:
                telemetry.info("full texts come too late", late=len(late))

    def _ended(self, id_: int, task: asyncio.Task[None]) -> None:
        del self._running[id_]
        if not task.cancelled() and (exc := task.exception()):
            telemetry.error("full text not read", exc=exc, entry=id_)

    async def _one(self, entry: Entry, feed: Feed) -> None:
        from digestd.formats.fulltext import is_teaser  # noqa: PLC0415 (lxml: few feeds want it)

        if not is_teaser(entry.content_html or entry.summary_html):
            found = FullText("", "the feed has it")
        elif not entry.link:
            found = FullText("", "no link")
        else:
            async with self._places:
                found = await self._read(entry.link, feed)
            if found.why:
                telemetry.info("no full text", feed=feed.id, entry=entry.id, why=found.why)
        if found.html and len(found.html) <= len(entry.content_html):
            found = FullText("", "the feed has more")
        await self._store.write(fulltexts.keep, {entry.id: found}, self._clock())

    async def _read(self, url: str, feed: Feed) -> FullText:
        if self._gate.blocked_until(url):
            return FullText("", "its host is not to be asked now", is_passing=True)
        subscription = self._wanted[feed.pk]
        async with self._gate.admit(url):
            outcome = await ask(
                self._client, feed, subscription, self._settings, Validators(), at=url
            )
        self._gate.note(url, outcome, self._clock())
        if not isinstance(outcome, Fetched):
            failed = outcome if isinstance(outcome, Failed) else Failed("it is gone", 410)
            is_passing = not 400 <= (failed.status or 0) < 500 or failed.status == 429
            return FullText("", failed.reason, is_passing=is_passing)
        kind = outcome.headers.get("content-type", "")
        try:
            found: FullText = await self._worker.run(
                "read_article",
                outcome.body,
                kind,
                outcome.url,
                subscription.full_text,
                math=subscription.math,
                macros=dict(subscription.macros),
            )
        except JobFailedError as exc:
            return FullText("", str(exc))
        return found
