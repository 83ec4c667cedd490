"""The program before it runs; what a command does not use of it is not loaded."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from digestd.clock import Clock
from digestd.config import Config, find_config, load
from digestd.core.models import RequestOptions
from digestd.store import origins
from digestd.store.db import Database, connect

if TYPE_CHECKING:  # loaded where there is something to ask, to send or to render
    import ssl

    from digestd.delivery.render import Renderer
    from digestd.delivery.senders import Sender
    from digestd.delivery.target import Target
    from digestd.parts import Parts
    from digestd.services.deliver import Targets
    from digestd.services.discover import Discoverer
    from digestd.store.lanes import Store


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
        from digestd.services.deliver import Targets  # noqa: PLC0415

        return Targets(self.config.channels, self.config.mail)

    def tls(self) -> Callable[[], ssl.SSLContext]:
        """Return the maker of the one TLS context for feeds, mail and webhooks.

        Raises ConfigError if the owner named certificates that cannot be used.
        """
        from digestd.net.tls import make_context  # noqa: PLC0415

        file, folder = self.environ.get("SSL_CERT_FILE"), self.environ.get("SSL_CERT_DIR")
        make = functools.cache(lambda: make_context(cert_file=file, cert_dir=folder))
        if file or folder:
            make()
        return make

    def sender_maker(
        self, config: Config, tls: Callable[[], ssl.SSLContext]
    ) -> Callable[[Target], Sender]:
        """Return what makes the sender of a target."""
        bold = sys.stdout.isatty() and "NO_COLOR" not in self.environ

        def make(target: Target) -> Sender:
            from digestd.delivery.senders import make_sender  # noqa: PLC0415

            return make_sender(target, tls=tls, clock=self.clock, bold=bold, zone=config.timezone)

        return make

    def renderer(self, config: Config) -> Renderer:
        """Return what renders messages in the owner's language and zone."""
        from digestd.delivery.render import Renderer  # noqa: PLC0415

        return Renderer(config.template_dirs, config.language, config.timezone)

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
        from digestd.wiring import make_net  # noqa: PLC0415
        from digestd.worker.parent import Worker  # noqa: PLC0415

        gate, client = make_net(config, self.clock, self.tls())
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

    def parts(
        self, config: Config, store: Store, *, serves: bool = False
    ) -> AbstractAsyncContextManager[Parts]:
        """Build all parts for `config` on `store`; close them at the end.

        The web port is for a process that `serves`: one that stays.
        """
        from digestd.wiring import wired  # noqa: PLC0415

        tls = self.tls()
        return wired(
            config,
            store,
            self.clock,
            tls=tls,
            renderer=lambda: self.renderer(config),
            make_sender=self.sender_maker(config, tls),
            serves=serves,
        )
