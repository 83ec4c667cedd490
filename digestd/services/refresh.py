"""Refreshing: one leased feed from its request, or from what a hub sent, to its commit."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Protocol

from digestd import telemetry
from digestd.clock import Clock
from digestd.config import PollSettings
from digestd.core.models import Feed, Subscription, Validators
from digestd.core.outcomes import Failed, Fetched, FetchOutcome, Pushed
from digestd.core.parsed import ParsedFeed
from digestd.core.reading import misses_text, reads_as_before
from digestd.core.recognition import Memory, Recognised
from digestd.core.refresh import RefreshPlan, decide, may_walk_back, trusts_guids
from digestd.core.rules import Judge, Rules
from digestd.frozen import dataclass, replace
from digestd.net.client import Client
from digestd.net.politeness import PATIENCE, SLOW, HostGate
from digestd.net.room import Place
from digestd.net.turns import Pace, TurnLostError
from digestd.services.archives import Archives
from digestd.services.asking import ask, place_of
from digestd.services.pricing import Pricing
from digestd.services.reader import Read, Reader
from digestd.store import feeds, origins
from digestd.store.commit import commit_refresh
from digestd.store.lanes import Store
from digestd.store.memory import recall
from digestd.worker.lanes import Lanes

# What is new or failing takes up at most this part of the open requests, and of the feeds
# that are taken up (`services.poll`).
FOR_STRANGERS = 3 / 4
_TURNS = 3  # that a slow feed may lose to others of its host, before it comes back later


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll came to, for logs and for `poll FEED`."""

    feed: Feed  # after it
    outcome: str
    status: str  # in words for the owner
    new: int
    listed: int
    took: timedelta


class Hubs(Protocol):
    """Who tells of posts by themselves (`services.push`), as far as polling must know."""

    def trusted(self, feed_pk: int) -> bool:
        """Whether posts of this feed are told of, so that it may be asked seldom."""

    def missed(self, plan: RefreshPlan, now: datetime) -> bool:
        """Whether a poll has found what should have been told of."""

    async def polled(self, plan: RefreshPlan, now: datetime) -> None:
        """Hear what a poll found: hubs to subscribe to, and posts that a hub kept from us."""


class NoHubs:
    """Push is off."""

    def trusted(self, _feed_pk: int) -> bool:
        """No."""
        return False

    def missed(self, _plan: RefreshPlan, _now: datetime) -> bool:
        """No."""
        return False

    async def polled(self, plan: RefreshPlan, now: datetime) -> None:
        """Do nothing."""


def is_stranger(feed: Feed) -> bool:
    """Say whether a feed is new or failing: nobody knows how it will behave."""
    return feed.failures > 0 or feed.baseline_at is None


class Refresher:
    """Asks one feed; every path by which bytes arrive ends in `accept`."""

    def __init__(
        self,
        *,
        store: Store,
        client: Client,
        worker: Lanes,
        gate: HostGate,
        subscriptions: Mapping[int, Subscription],
        settings: PollSettings,
        pricing: Pricing,
        owner: str,
        clock: Clock,
        on_new: Callable[[], None] = lambda: None,
        rules: Rules | None = None,
    ) -> None:
        self.hubs: Hubs = NoHubs()
        self._store = store
        self._client = client
        self._reader = Reader(store, worker)
        self._gate = gate
        self._subscriptions = subscriptions
        self._settings = settings
        self._pricing = pricing
        self._owner = owner
        self._clock = clock
        self._on_new = on_new
        self._rules = rules or Rules()
        self._slow: set[tuple[str, str]] = set()  # rules, and their keys, told of
        self._slow_feeds: set[int] = set()  # those that took their time when last asked
        self._archives = Archives(store, client, worker, gate, settings)
        self._open_requests = asyncio.Semaphore(settings.concurrency)
        self._for_strangers = asyncio.Semaphore(max(1, int(settings.concurrency * FOR_STRANGERS)))

    async def poll(self, feed: Feed, *, planned: bool = True) -> PollReport:
        """Ask one leased feed and record what follows; not `planned`: its owner wants it now."""
        subscription = self._subscriptions[feed.pk]
        if feed.gone_at is not None:
            await self._store.write(feeds.release, feed.pk, self._owner)
            words = f"{feed.last_error}; `digestd add` follows it again"
            return PollReport(feed, "gone", words, 0, 0, timedelta(0))
        place = place_of(feed, subscription)
        blocked_until = max(
            filter(None, (feed.blocked_until, self._gate.blocked_until(place))), default=None
        )
        if blocked_until is not None and blocked_until > self._clock():
            # Its host has asked for patience: nobody asks it before, not the operator either.
            words = f"its host has asked to be left alone until {blocked_until:%H:%M:%S} UTC"
            return await self._postponed(feed, blocked_until, words)
        async with self._client.room.place() as room:
            return await self._ask(feed, subscription, place, room, planned=planned)

    async def _postponed(self, feed: Feed, until: datetime, words: str) -> PollReport:
        await self._store.write(feeds.postpone, feed.pk, self._owner, until)
        waiting = replace(feed, next_poll_at=until)
        return PollReport(waiting, "postponed", words, 0, 0, timedelta(0))

    def _slot(self, feed: Feed) -> AbstractAsyncContextManager[None]:
        """Hold one of the requests that may be open; some are kept for feeds known to be well.

        So servers that keep us waiting, however many, leave the others their turn.
        """
        return self._slot_for_strangers() if is_stranger(feed) else self._open_requests

    @asynccontextmanager
    async def _slot_for_strangers(self) -> AsyncIterator[None]:
        async with self._for_strangers, self._open_requests:
            yield

    async def _ask(
        self, feed: Feed, subscription: Subscription, place: str, room: Place, *, planned: bool
    ) -> PollReport:
        begun = self._clock()
        for _ in range(_TURNS):
            with suppress(TurnLostError):
                outcome = await self._answer(feed, subscription, place, room)
                break
        else:
            words = "slow, and other feeds of its host were waiting"
            return await self._postponed(feed, self._clock() + PATIENCE, words)
        self._gate.note(place, outcome, self._clock())
        if isinstance(outcome, Failed) and outcome.status in (429, 503):
            # It binds whoever asks this origin, after a restart too.
            await self._store.write(origins.record, self._gate.patience(), self._clock())
        if planned and subscription.interval is None and feed.baseline_at is not None:
            self._pricing.asked(begun)
        return await self.accept(feed, subscription, outcome, begun, room)

    async def _answer(
        self, feed: Feed, subscription: Subscription, place: str, room: Place
    ) -> FetchOutcome:
        """Ask when it is the feed's turn. Raises TurnLostError; it comes after the quick then."""
        pace = self._pace(feed)
        self._slow_feeds.add(feed.pk)
        async with self._gate.admit(place, pace=pace), self._slot(feed):
            since = time.monotonic()
            # Without a good fetch behind it, a 304 would leave us with nothing; the same
            # bytes, read in another way, are another document.
            knows = feed.baseline_at is not None and reads_as_before(feed, subscription)
            outcome = await ask(
                self._client,
                feed,
                subscription,
                self._settings,
                feed.validators if knows else Validators(),
                at=feed.watch.moved_to,
                room=room,
                known=feed.wire_hash if knows else None,
            )
        if time.monotonic() - since < SLOW.total_seconds():
            self._slow_feeds.discard(feed.pk)
        return outcome

    def _pace(self, feed: Feed) -> Pace:
        if feed.failures > 0 or feed.pk in self._slow_feeds:
            return Pace.SLOW
        return Pace.UNKNOWN if feed.baseline_at is None else Pace.QUICK

    async def accept(
        self,
        feed: Feed,
        subscription: Subscription,
        outcome: FetchOutcome | Pushed,
        begun: datetime,
        room: Place | None = None,
    ) -> PollReport:
        """Decide what `outcome` means and commit it; its body's room is left before that."""
        read = await self._reader.read(feed, subscription, outcome)
        plan, now = await self._decided(feed, subscription, outcome, read, room)
        if misses_text(plan):
            read = await self._reader.read(feed, subscription, outcome, whole=True)
            plan, now = await self._decided(feed, subscription, outcome, read, room)
        if room is not None:
            room.leave()
        new = await self._store.write_in_company(commit_refresh, plan, now, read.outline)
        if any(e.debts for e in plan.new_entries) or any(e.debts for e in plan.edits):
            self._on_new()
        if feed.baseline_at is None and plan.feed.baseline_at and subscription.interval is None:
            self._pricing.met(plan.feed.rhythm, now)
        if plan.outcome == "fetched":
            await self.hubs.polled(plan, now)
        return self._report(plan, new, now - begun)

    async def _decided(
        self,
        feed: Feed,
        subscription: Subscription,
        outcome: FetchOutcome | Pushed,
        read: Read,
        room: Place | None,
    ) -> tuple[RefreshPlan, datetime]:
        """Return what follows from what was read, and when that was."""
        document = read.document
        now = self._clock()
        memory = Memory()
        found = None
        judge = None
        if isinstance(document, ParsedFeed):
            judge = self._rules.judge(feed, subscription, time.thread_time)
            memory, found = await self._recall(feed, subscription, document)
            if isinstance(outcome, Fetched) and may_walk_back(feed, document, found, memory, now):
                document = await self._archives.walk_back(
                    feed, subscription, document, memory, room
                )
                memory, found = await self._recall(feed, subscription, document)
                now = self._clock()
        decided = functools.partial(
            decide,
            feed,
            subscription,
            outcome,
            document,
            memory,
            body_hash=read.body_hash,
            now=now,
            chance=random.random(),  # noqa: S311 (jitter, not a secret)
            limits=self._settings.limits,
            price=self._pricing.value,
            judge=judge,
            found=found,
        )

        async def plan_if(*, pushed: bool) -> RefreshPlan:
            # The owner's expressions may take their time, but not everybody's.
            if judge is None:
                return decided(pushed=pushed)
            return await asyncio.to_thread(decided, pushed=pushed)

        trusted = self.hubs.trusted(feed.pk)
        plan = await plan_if(pushed=trusted)
        if trusted and plan.outcome == "fetched" and self.hubs.missed(plan, now):
            plan = await plan_if(pushed=False)
        self._tell_of_slow(feed, judge)
        return plan, now

    def _tell_of_slow(self, feed: Feed, judge: Judge | None) -> None:
        """Say once of each expression that it took too long, and so did not match."""
        for place in judge.slow if judge else ():
            if place not in self._slow:
                self._slow.add(place)
                rule, key = place
                telemetry.warning("rule too slow, not matched", rule=rule, key=key, feed=feed.id)

    async def _recall(
        self, feed: Feed, subscription: Subscription, document: ParsedFeed
    ) -> tuple[Memory, Recognised]:
        return await self._store.read(
            recall,
            feed.pk,
            (*document.entries, *document.older),
            trust_guids=trusts_guids(feed),
            edits=subscription.updates != "ignore",
        )

    async def accept_push(self, feed_pk: int, delivery: Pushed) -> PollReport | None:
        """Take what a hub has delivered as if a poll had found it; None: no such feed now."""
        feed = await self._store.read(feeds.get, feed_pk)
        subscription = self._subscriptions.get(feed_pk)
        if feed is None or subscription is None:
            return None
        return await self.accept(feed, subscription, delivery, self._clock())

    def _report(self, plan: RefreshPlan, new: int, took: timedelta) -> PollReport:
        feed = plan.feed
        facts: dict[str, object] = {"feed": feed.id, "outcome": plan.outcome}
        if new:
            facts["new"] = new
        facts |= {"ms": round(took.total_seconds() * 1000), "next": feed.next_poll_at or "never"}
        if plan.held:
            telemetry.warning("held", feed=feed.id, entries=new, why=plan.held)
        if plan.gap:
            telemetry.warning("posts may have been missed", feed=feed.id)
        if plan.outcome == "pushed":
            telemetry.info("pushed", **facts)
        elif feed.last_error:
            telemetry.warning("polled", **facts, why=feed.last_error, failures=feed.failures)
        else:
            telemetry.info("polled", **facts)
        words = feed.last_error or plan.outcome
        if plan.held:
            words += f"; the new ones are held ({plan.held}): `digestd held`"
        if plan.gap:
            words += "; nothing of the fetch before is listed, posts may have been missed"
        return PollReport(feed, plan.outcome, words, new, plan.listed, took)
