"""The composition root: the one place that builds the adapters and wires them."""

from __future__ import annotations

import functools
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from digestd.clock import Clock
from digestd.config import Config, PollSettings, find_config, load
from digestd.core.messages import Delivery
from digestd.core.models import RequestOptions, Subscription
from digestd.core.retries import Verdict
from digestd.delivery.senders import Sender, make_sender
from digestd.delivery.target import Target
from digestd.net.client import Client
from digestd.net.politeness import LEAST_GAPS, HostGate
from digestd.net.tls import make_context
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
from digestd.store import channels, daemons, digests, feeds, hubs, origins, outbox
from digestd.store.db import Database, Store, connect
from digestd.store.owner import this_process
from digestd.worker.lanes import Lanes
from digestd.worker.parent import Worker

if TYPE_CHECKING:  # loaded when a message is rendered, where hubs push, where the web port is open
    from digestd.delivery.render import Renderer
    from digestd.services.discover import Discoverer
    from digestd.services.push import PushService
    from digestd.web.server import WebServer


class App:
    """The program before it runs: a configuration, an environment, a clock."""

    def __init__(
        self, environ: Mapping[str, str], clock: Clock, config_path: str | None = None
    ) -> None:
        self.environ = environ
        self.clock = clock
        self._config_path = config_path

    @functools.cached_property
    def config_path(self) -> Path:
        """The configuration file that is in force. Raises ConfigError if there is none."""
        return find_config(self._config_path, self.environ)

    @functools.cached_property
    def config(self) -> Config:
        """The configuration that is in force, read once."""
        return self.load_config()

    def load_config(self) -> Config:
        """Read the configuration anew. Raises ConfigError."""
        return load(self.config_path, environ=self.environ)

    def reload(self) -> Config:
        """Put the configuration as it is now in force. Raises ConfigError: the old one stays."""
        self.config = self.load_config()
        return self.config

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database for a command that only looks: never makes one."""
        db = connect(self.config.store.path, create=False)
        try:
            yield db
        finally:
            db.conn.close()

    def targets(self) -> Targets:
        """Return the configured channels."""
        return Targets(self.config.channels, self.config.mail)

    def tls(self) -> Callable[[], ssl.SSLContext]:
        """Return the maker of the one TLS context for feeds, mail and webhooks.

        Raises ConfigError if the owner named certificates that cannot be used.
        """
        file, folder = self.environ.get("SSL_CERT_FILE"), self.environ.get("SSL_CERT_DIR")
        make = functools.cache(lambda: make_context(cert_file=file, cert_dir=folder))
        if file or folder:
            make()
        return make

    def sender_maker(
        self, config: Config, tls: Callable[[], ssl.SSLContext]
    ) -> Callable[[Target], Sender]:
        """Return what makes the sender of a target."""
        return functools.partial(
            make_sender,
            tls=tls,
            clock=self.clock,
            bold=sys.stdout.isatty() and "NO_COLOR" not in self.environ,
            zone=config.timezone,
        )

    def renderer(self, config: Config) -> Renderer:
        """Return what renders messages in the owner's language and zone."""
        from digestd.delivery.render import Renderer  # noqa: PLC0415

        return Renderer(config.template_dirs, config.language, config.timezone)

    def _net(self, config: Config, tls: Callable[[], ssl.SSLContext]) -> tuple[HostGate, Client]:
        """Return the gate and the client that all who fetch share."""
        poll = config.poll
        gate = HostGate(
            self.clock,
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
    async def discoverer(
        self,
        config: Config,
        options: RequestOptions | None = None,
        on_ask: Callable[[str], None] = lambda _: None,
    ) -> AsyncIterator[Discoverer]:
        """Return what finds feeds, asking as a feed with these `options` is asked.

        Hosts that have asked the daemon for patience have it too.
        """
        from digestd.services.browse import Browser  # noqa: PLC0415
        from digestd.services.discover import Discoverer  # noqa: PLC0415

        gate, client = self._net(config, self.tls())
        if config.store.path.exists():
            with self.database() as db:
                gate.remember(origins.all_patience(db))
        worker = Worker()
        try:
            async with client:
                browser = Browser(
                    client,
                    gate,
                    worker,
                    max_size=config.poll.max_size,
                    timeout=config.poll.timeout,
                    clock=self.clock,
                    options=options,
                    on_ask=on_ask,
                )
                yield Discoverer(browser, rsshub=config.poll.rsshub)
        finally:
            await worker.close()
            if config.store.path.exists() and (asked := gate.patience()):
                with self.database() as db:
                    origins.record(db, asked, self.clock())

    @asynccontextmanager
    async def parts(
        self, config: Config, store: Store, *, serves: bool = False
    ) -> AsyncIterator[Parts]:
        """Build all parts for `config` on `store`; close them at the end.

        The web port is for a process that `serves`: one that stays.
        """
        owner, clock = this_process(), self.clock
        now = clock()
        followed = await store.write(_prepare, config, now)
        tls = self.tls()
        worker = Lanes()
        targets = Targets(config.channels, config.mail)
        composer = Composer(lambda: self.renderer(config), targets, config.language)
        poll = config.poll
        gate, client = self._net(config, tls)
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
                make_sender=self.sender_maker(config, tls),
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
    return feeds.follow(db, config.subscriptions, now)


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
