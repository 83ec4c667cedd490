"""WebSub: hubs won, kept and left, and what they deliver handed on.

Polling never depends on it: a hub that is silent, lies or dies costs time, no post.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from digestd import telemetry
from digestd.clock import Clock
from digestd.config import PushSettings
from digestd.core.hubs import Agenda, Standing, Wish, agenda, missed_by_hub
from digestd.core.outcomes import Failed, Pushed
from digestd.core.refresh import RefreshPlan
from digestd.core.text import one_line
from digestd.core.websub import (
    Confirm,
    Denied,
    HubSubscription,
    NotOurs,
    Offer,
    is_signed,
    may_hold_secret,
    request_form,
    verify,
)
from digestd.frozen import replace
from digestd.net import hub as hubs_net
from digestd.net.client import Client
from digestd.net.decoding import BodyReader, UnreadableBodyError
from digestd.net.politeness import HostGate
from digestd.services.refresh import Refresher
from digestd.services.waiting import Bell
from digestd.store import feeds, hubs
from digestd.store.db import Database
from digestd.store.lanes import Store

_REQUESTS_AT_ONCE = 8
# Deliveries that were answered and not yet recorded; a hub repeats what is refused beyond.
_MOST_WAITING = 500
_MOST_WAITING_BYTES = 64 << 20
_LOOK_AGAIN = timedelta(minutes=10)
_REMEMBER_ENDED = timedelta(days=100)


class PushService:
    """Subscribes wherever a feed names a hub, and takes in what hubs send."""

    def __init__(
        self,
        *,
        store: Store,
        client: Client,
        gate: HostGate,
        refresher: Refresher,
        ring_poller: Callable[[], None],
        settings: PushSettings,
        timeout: timedelta,
        max_size: int,
        names: Mapping[int, str],
        clock: Clock,
    ) -> None:
        """`names` are the feeds' ids, for the log."""
        self.bell = Bell()
        self.max_size = max_size
        self._store = store
        self._client = client
        self._gate = gate
        self._refresher = refresher
        self._ring_poller = ring_poller
        self._settings = settings
        self._timeout = timeout
        self._names = names
        self._clock = clock
        self._offers: Mapping[int, Offer] = {}
        self._active: dict[int, HubSubscription] = {}
        self._listening_since = clock()
        self._look_at: datetime | None = None
        self._dirty = True
        self._stopping = False
        self._taking: set[asyncio.Task[None]] = set()
        self._waiting_bytes = 0
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        refresher.hubs = self

    async def load(self) -> None:
        """Know what was won before this process began."""
        await self._plan(self._clock())

    async def catch_up(self) -> None:
        """Ask the feeds that hubs tell of: we were not there to be told (stopped, asleep)."""
        self._listening_since = self._clock()
        await self._store.write(feeds.due_now, list(self._active), self._clock())
        self._ring_poller()

    # --- the loop ---

    async def run(self) -> None:
        """Do what is due, until `stop`; then finish what was delivered."""
        while not self._stopping:
            if self._dirty or (self._look_at is not None and self._look_at <= self._clock()):
                await self.work()
            span = None if self._look_at is None else self._look_at - self._clock()
            await self.bell.wait(span)
        await self.settle()

    def stop(self) -> None:
        """Take nothing more; let `run` end."""
        self._stopping = True
        self.bell.ring()

    def name(self, one: HubSubscription) -> str:
        """Return what a subscription's feed is called."""
        return self._names.get(one.feed_pk, "")

    async def settle(self) -> None:
        """Return when everything that was delivered so far is recorded."""
        while self._taking:
            await asyncio.wait(self._taking)

    def turn(self, feed_pk: int) -> asyncio.Lock:
        """Return what lets one delivery of a feed be taken in after the other."""
        return self._turns[feed_pk]

    async def work(self) -> None:
        """Subscribe, renew and leave, as far as it is due."""
        self._dirty = False
        now = self._clock()
        todo = await self._plan(now)
        await self._store.write(_clear_up, todo, now)
        for one in todo.silent:
            await self._failed(one, "the hub did not verify")
        for one in todo.lapsed:
            await self._failed(one, "the lease ran out")
        if todo.lapsed or todo.leave:
            self._ring_poller()
        limit = asyncio.Semaphore(_REQUESTS_AT_ONCE)
        jobs = [self._leave(one, limit) for one in todo.leave]
        jobs += [self._subscribe(wish, limit) for wish in todo.wishes]
        for problem in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(problem, BaseException):
                raise problem
        if not todo.is_empty:
            again = await self._plan(self._clock())
            if not again.is_empty:  # the next hub of a feed whose first refused
                self._look_at = self._clock()

    async def _plan(self, now: datetime) -> Agenda:
        standings, living = await self._store.read(_everything)
        self._offers = {one.feed_pk: one.offer for one in standings}
        self._active = {one.feed_pk: one for one in living if one.state == "active"}
        todo = agenda(standings, living, self._settings.base, now)
        # Another process may have polled, and found a hub.
        self._look_at = min(todo.look_at or now + _LOOK_AGAIN, now + _LOOK_AGAIN)
        return todo

    async def _subscribe(self, wish: Wish, limit: asyncio.Semaphore) -> None:
        async with limit:
            wanted = self._wanted(wish)
            # Known before the hub hears of it: it may verify before it answers.
            wanted = await self._store.write(hubs.add, wanted)
            answer = await self._ask(wanted.hub_at, request_form("subscribe", wanted))
        if not isinstance(answer, Failed):
            if answer.hub != wanted.hub_at:
                await self._store.write(hubs.moved, wanted.pk, answer.hub)
            telemetry.info("hub asked", feed=self.name(wanted), hub=_host(wanted.hub_at))
            return
        await self._store.write(hubs.end, [wanted.pk])
        await self._failed(wanted, answer.reason)
        old = wish.replaces
        if old is not None and old.lease_until is not None:
            left = max(old.lease_until - self._clock(), timedelta(0))
            await self._store.write(hubs.renew_later, old.pk, self._clock() + left / 4)

    def _wanted(self, wish: Wish) -> HubSubscription:
        token = secrets.token_urlsafe(24)  # 192 bits
        plain = self._settings.secret_over_http
        old = wish.replaces
        return HubSubscription(
            pk=0,
            feed_pk=wish.standing.feed_pk,
            hub=wish.hub,
            hub_at=old.hub_at if old is not None and old.hub == wish.hub else wish.hub,
            topic=wish.standing.offer.topic,
            callback=self._settings.base + token,
            token=token,
            secret=secrets.token_hex(32) if may_hold_secret(wish.hub, plain=plain) else "",
            state="pending",
            asked_at=self._clock(),
            replaces=old.pk if old is not None else None,
        )

    async def _leave(self, one: HubSubscription, limit: asyncio.Semaphore) -> None:
        async with limit:
            answer = await self._ask(one.hub_at, request_form("unsubscribe", one))
        if isinstance(answer, Failed):
            # It will hear 410 at its next delivery, and its lease ends by itself.
            await self._store.write(hubs.end, [one.pk])
        telemetry.info("hub left", feed=self.name(one), hub=_host(one.hub_at))

    async def _ask(self, hub: str, form: bytes) -> hubs_net.Accepted | Failed:
        async with self._gate.admit(hub):
            answer = await hubs_net.ask(self._client, hub, form, self._timeout)
        if isinstance(answer, Failed):
            self._gate.note(hub, answer, self._clock())
        return answer

    async def _failed(self, one: HubSubscription, reason: str) -> None:
        standing = await self._store.read(hubs.standing, one.feed_pk)
        if standing is not None:
            later = standing.failed(reason, self._clock(), _chance())
            await self._store.write(hubs.note_failure, later)
        telemetry.warning("no push", feed=self.name(one), hub=_host(one.hub), why=reason)

    # --- what polling asks and tells ---

    def trusted(self, feed_pk: int) -> bool:
        """Whether a hub tells of this feed's posts, and has been seen to."""
        one = self._active.get(feed_pk)
        return one is not None and one.is_trusted(self._clock())

    def missed(self, plan: RefreshPlan, now: datetime) -> bool:
        """Whether a poll has found what the feed's hub should have told of."""
        one = self._active.get(plan.feed.pk)
        found = [new.published_at for new in plan.new_entries if not new.first_fetch]
        return (
            one is not None
            and bool(found)
            and missed_by_hub(one, found, now, self._listening_since)
        )

    async def polled(self, plan: RefreshPlan, now: datetime) -> None:
        """Look at the hubs that a document names, and at what its hub should have told of."""
        pk = plan.feed.pk
        missed = self.missed(plan, now)
        if missed:
            one = self._active[pk]
            await self._store.write(hubs.suspect, one.pk, now)
            self._active[pk] = replace(one, suspect_at=now)
            telemetry.warning("hub kept a post from us", feed=plan.feed.id, hub=_host(one.hub))
        if missed or plan.offer != self._offers.get(pk):
            self._look_again()

    def _look_again(self) -> None:
        self._dirty = True
        self.bell.ring()

    # --- what hubs ask and tell ---

    async def verify(self, token: str, query: str) -> str | None:
        """Return what to answer a hub's question with; None: this is not ours (404)."""
        known = await self._store.read(hubs.by_token, token)
        now = self._clock()
        verdict = verify(known, query, now, _chance())
        if known is None or isinstance(verdict, NotOurs):
            return None
        if isinstance(verdict, Denied):
            await self._store.write(_over, known, now)
            self._active.pop(known.feed_pk, None)
            await self._failed(known, f"denied: {one_line(verdict.reason)}")
            self._ring_poller()
            self._look_again()
            return ""
        await self._store.write(_confirm, known, verdict)
        self._look_again()
        return verdict.challenge

    async def known(self, token: str) -> HubSubscription | None:
        """Return the subscription behind a callback, if it was ever verified."""
        found = await self._store.read(hubs.by_token, token)
        return None if found is None or found.state == "pending" else found

    def deliver(self, known: HubSubscription, headers: Mapping[str, str], body: bytes) -> int:
        """Take in a delivery for `known` and return the status to answer it with, at once.

        A bad signature is answered like a good one, so that nobody learns to guess.
        """
        signature = headers.get("x-hub-signature")
        if not is_signed(known.secret, signature, body, self._settings.least_signature):
            telemetry.warning("delivery not signed", feed=self.name(known), hub=_host(known.hub))
            return 200
        full = self._stopping or len(self._taking) >= _MOST_WAITING
        if full or self._waiting_bytes + len(body) > _MOST_WAITING_BYTES:
            return 503
        self._waiting_bytes += len(body)
        task = asyncio.create_task(self._take(known, headers, body), name="delivery")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
        return 200

    async def _take(self, known: HubSubscription, headers: Mapping[str, str], body: bytes) -> None:
        try:
            async with self.turn(known.feed_pk):
                delivery = Pushed(
                    self._decoded(headers, body),
                    known.topic,
                    {"content-type": headers.get("content-type", "")},
                )
                if await self._refresher.accept_push(known.feed_pk, delivery) is not None:
                    self._ring_poller()  # it may have to be asked sooner now
                await self._store.write(hubs.heard, known.pk, self._clock())
                if known.pushed_at is None or known.suspect_at is not None:
                    self._look_again()  # its feed may be asked seldom from now on
        except Exception as exc:  # noqa: BLE001 (one delivery's trouble is its own; a poll follows)
            telemetry.error("delivery not taken in", exc=exc, feed=self.name(known))
            with suppress(Exception):
                await self._store.write(feeds.due_now, [known.feed_pk], self._clock())
        finally:
            self._waiting_bytes -= len(body)

    def _decoded(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """Return the body unpacked; nothing, which is a ping, where it cannot be."""
        try:
            reader = BodyReader(headers.get("content-encoding", ""), max_bytes=self.max_size)
            reader.feed(body)
            return reader.finish()
        except UnreadableBodyError as exc:
            telemetry.warning("delivery unreadable", why=exc)
            return b""


def _everything(db: Database) -> tuple[list[Standing], list[HubSubscription]]:
    return hubs.standings(db), hubs.living(db)


def _clear_up(db: Database, todo: Agenda, now: datetime) -> None:
    hubs.end(db, [one.pk for one in (*todo.end, *todo.silent, *todo.lapsed)])
    hubs.leave(db, [one.pk for one in todo.leave], now)
    feeds.due_now(db, [one.feed_pk for one in (*todo.lapsed, *todo.leave)], now)
    hubs.forget_ended(db, now - _REMEMBER_ENDED)


def _confirm(db: Database, known: HubSubscription, verdict: Confirm) -> None:
    if verdict.lease_until is None or verdict.renew_at is None:
        hubs.end(db, [known.pk])
        return
    hubs.confirm(db, known.pk, verdict.lease_until, verdict.renew_at)
    hubs.note_success(db, known.feed_pk)


def _over(db: Database, known: HubSubscription, now: datetime) -> None:
    hubs.end(db, [known.pk])
    if known.state == "active":
        feeds.due_now(db, [known.feed_pk], now)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _chance() -> float:
    return random.random()  # noqa: S311 (spreads load, guards nothing)
