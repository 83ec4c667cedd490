"""How the parts of a process that polls and sends are built, for one configuration, and wired."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from digestd.clock import Clock
from digestd.config import Config, PollSettings
from digestd.core.messages import Delivery
from digestd.core.models import Subscription
from digestd.core.retries import Verdict
from digestd.garbage import collect_seldom
from digestd.net.client import Client
from digestd.net.politeness import LEAST_GAPS, HostGate
from digestd.parts import Parts
from digestd.services.alerts import AlertMaker
from digestd.services.deliver import Lane, Targets
from digestd.services.digests import DigestMaker
from digestd.services.fulltext import FullTexts
from digestd.services.illustrate import Illustrator
from digestd.services.messages import Composer
from digestd.services.notices import Notary
from digestd.services.poll import Poller
from digestd.services.pricing import Pricing
from digestd.services.refresh import Refresher
from digestd.services.sweep import Sweeper
from digestd.store import channels, daemons, digests, feeds, following, hubs, origins, outbox
from digestd.store.db import Database
from digestd.store.lanes import Store
from digestd.store.owner import this_process
from digestd.worker.lanes import Lanes

if TYPE_CHECKING:  # loaded when something is rendered or sent, where hubs push, for the web port
    from digestd.delivery.render import Renderer
    from digestd.delivery.senders import Sender
    from digestd.delivery.target import Target
    from digestd.services.push import PushService
    from digestd.web.server import WebServer


def make_net(
    config: Config, clock: Clock, tls: Callable[[], ssl.SSLContext]
) -> tuple[HostGate, Client]:
    """Return the gate and the client that all who fetch share."""
    poll = config.poll
    gate = HostGate(
        clock,
        per_host=poll.per_host,
        least_gaps=LEAST_GAPS,
        is_own=poll.is_own,
    )
    client = Client(
        tls,
        allow=poll.allow_private,
        gate=gate,
        contact=poll.contact,
        proxy=poll.proxy,
        connections=poll.concurrency,
    )
    return gate, client


@asynccontextmanager
async def wired(
    config: Config,
    store: Store,
    clock: Clock,
    *,
    tls: Callable[[], ssl.SSLContext],
    renderer: Callable[[], Renderer],
    make_sender: Callable[[Target], Sender],
    serves: bool,
) -> AsyncIterator[Parts]:
    """Build all parts for `config` on `store`; close them at the end.

    The web port is for a process that `serves`: one that stays.
    """
    collect_seldom()  # all is loaded: from here on the program works
    owner, now = this_process(), clock()
    followed = await store.write(_prepare, config, now)
    worker = Lanes()
    targets = Targets(config.channels, config.mail)
    composer = Composer(renderer, targets, config.language)
    poll = config.poll
    gate, client = make_net(config, clock, tls)
    gate.remember(await store.read(origins.all_patience))
    names = await store.read(_channels_in_use, config.channels)

    def ring_lane(channel: str) -> None:
        if channel in lanes:
            lanes[channel].bell.ring()

    def settled(_delivery: Delivery, verdict: Verdict) -> None:
        if verdict.state in ("parked", "dead"):
            notary.bell.ring()

    notary = Notary(
        store,
        composer,
        config.channels,
        followed,
        config.timezone,
        clock,
        ring_lane,
        to=config.notices.to,
        after=config.notices.after,
    )
    lanes = {
        name: Lane(
            name,
            store=store,
            targets=targets,
            owner=owner,
            make_sender=make_sender,
            settings=config.delivery,
            clock=clock,
            is_quiet=functools.partial(_is_quiet, config, name),
            on_settled=settled,
        )
        for name in names
    }

    def ring_all() -> None:
        made.ring_all()

    def ring_new() -> None:
        alerts.bell.ring()
        full_texts.bell.ring()

    illustrator = Illustrator(store, client, gate, followed, clock)
    full_texts = FullTexts(store, client, gate, followed, poll, clock)
    alerts = AlertMaker(
        store,
        composer,
        illustrator,
        config.channels,
        followed,
        config.timezone,
        clock,
        ring_lane,
    )
    pricing = await _pricing(store, clock, poll, followed)
    refresher = Refresher(
        store=store,
        client=client,
        worker=worker,
        gate=gate,
        subscriptions=followed,
        settings=poll,
        pricing=pricing,
        owner=owner,
        clock=clock,
        on_new=ring_new,
        rules=config.rules,
    )
    poller = Poller(refresher, store=store, settings=poll, owner=owner, clock=clock)
    push = await _push_service(store, clock, config, client, gate, refresher, poller)
    made = Parts(
        config=config,
        store=store,
        owner=owner,
        clock=clock,
        client=client,
        worker=worker,
        targets=targets,
        composer=composer,
        illustrator=illustrator,
        full_texts=full_texts,
        poller=poller,
        pricing=pricing,
        push=push,
        alerts=alerts,
        digests=DigestMaker(
            store,
            composer,
            illustrator,
            full_texts,
            config.digests,
            clock,
            ring_lane,
            followed,
            config.delivery.fallback,
            config.notices.after,
            config.web.url,
        ),
        notary=notary,
        lanes=lanes,
        sweeper=Sweeper(store, owner, ring_all),
        web=_web_server(store, clock, config, push, ring_all) if serves else None,
        followed=followed,
    )
    try:
        async with client:
            yield made
        await pricing.save()
    finally:
        composer.close()
        await worker.close()
        await illustrator.close()
        await full_texts.close()


async def _pricing(
    store: Store, clock: Clock, poll: PollSettings, followed: Mapping[int, Subscription]
) -> Pricing:
    ended = await store.read(feeds.ended)
    pricing = Pricing(
        store,
        clock,
        budget=poll.requests_per_feed_per_day,
        feeds=sum(one.interval is None and pk not in ended for pk, one in followed.items()),
        limits=poll.limits,
    )
    await pricing.load()
    return pricing


async def _push_service(
    store: Store,
    clock: Clock,
    config: Config,
    client: Client,
    gate: HostGate,
    refresher: Refresher,
    poller: Poller,
) -> PushService | None:
    if not config.push.callback_url:
        return None
    from digestd.services.push import PushService  # noqa: PLC0415

    push = PushService(
        store=store,
        client=client,
        gate=gate,
        refresher=refresher,
        ring_poller=poller.bell.ring,
        settings=config.push,
        timeout=config.poll.timeout,
        max_size=config.poll.max_size,
        names=await store.read(feeds.ids),
        clock=clock,
    )
    await push.load()
    return push


def _web_server(
    store: Store,
    clock: Clock,
    config: Config,
    push: PushService | None,
    on_resumed: Callable[[], None],
) -> WebServer | None:
    if not config.web.listen:
        return None
    from digestd.web.pausing import PausePage  # noqa: PLC0415
    from digestd.web.server import WebServer  # noqa: PLC0415

    page = PausePage(store, clock, config.digests, config.language, on_resumed)
    return WebServer(store, clock, *config.web.listen, push, page if config.web.url else None)


def _prepare(db: Database, config: Config, now: datetime) -> dict[int, Subscription]:
    """Make the database know what the configuration names, and free what the dead hold."""
    daemons.free(db, daemons.dead_holders(db, this_process()))
    channels.know(db, config.channels)
    outbox.forget_absurd_waits(db, now)
    digests.know(db, config.digests, now)
    if not config.push.callback_url:
        hubs.end_all(db)
    return following.follow(db, config.subscriptions, now)


def _is_quiet(config: Config, channel: str, now: datetime) -> bool:
    """Return whether the channel's alerts wait at `now`."""
    known = config.channels.get(channel)
    return known is not None and known.manners.quiet.until(now, config.timezone) != now


def _channels_in_use(db: Database, configured: Iterable[str]) -> list[str]:
    """Return the configured channels, and those no longer configured to which something is owed.

    The latter are parked with that reason at their first attempt, for their owner to see.
    """
    waiting = {state.name for state in channels.states(db) if state.open_deliveries}
    return sorted({*configured, *waiting})
