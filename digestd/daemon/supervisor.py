"""The supervisor: starts the loops, restarts one that crashes, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

from digestd import telemetry
from digestd.app import App
from digestd.config import Config
from digestd.daemon.sdnotify import Notifier
from digestd.errors import DigestdError
from digestd.parts import Parts
from digestd.services.cadence import Cadence
from digestd.services.upkeep import tidy
from digestd.services.waiting import LONGEST_WAIT, Bell
from digestd.store import daemons, feeds, outbox
from digestd.store.lanes import Store

# SIGTERM to exit: within 10 s, what is in flight finished or safely owed.
_PATIENCE = 8.0
_FIRST_RESTART, _LONGEST_RESTART = 1.0, 60.0
# A loop that ran so long before it crashed starts again with the first wait.
_RAN_WELL = 300.0
_SWEEP = timedelta(seconds=2)
_TIDY_AT = "03:40"
# No loop waits longer than 30 s; a send may take 60 s.
_SILENCE = 120.0


class Daemon:
    """Runs until told to stop; a reload ends one session and begins the next."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._notifier = Notifier(app.environ)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self.started = asyncio.Event()
        self.parts: Parts | None = None  # of the present session
        self._feeds_file: tuple[int, int, int] | None = None  # as it was last read

    def stop(self) -> None:
        """Begin the end."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration anew; a bad one is refused and the old one stays."""
        self._reload.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises DigestdError if it cannot start."""
        self._feeds_file = _state_of(self._app.config_path.parent / "feeds.toml")
        config = self._app.config
        for warning in config.warnings:
            telemetry.warning("configuration", note=warning)
        store = Store(config.store.path)
        try:
            with self._signals():
                while not self._stop.is_set():
                    self._reload.clear()
                    await self._session(config, store)
                    config = self._reloaded(config)
        finally:
            self._notifier.stopping()
            store.close()
        telemetry.info("stopped")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self.reload,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _reloaded(self, old: Config) -> Config:
        if self._stop.is_set():
            return old
        self._notifier.reloading()
        self._feeds_file = _state_of(old.feeds_path)
        try:
            new = self._app.reload()
        except DigestdError as exc:
            telemetry.error("configuration refused, the old one stays in force", why=exc)
            return old
        if new.store.path != old.store.path:
            telemetry.warning("the store's path changes at the next start, not at a reload")
        telemetry.info("configuration read anew", feeds=len(new.subscriptions))
        return new

    async def _session(self, config: Config, store: Store) -> None:
        """Run all loops for `config` until stop or a reload."""
        async with self._app.parts(config, store, serves=True) as parts:
            self.parts = parts
            await store.write(outbox.unpark_all, self._app.clock())
            await store.write(daemons.enter, parts.owner, self._app.clock())
            if parts.push is not None and not self.started.is_set():
                await parts.push.catch_up()
            loops = self._loops(parts)
            tasks = [
                asyncio.create_task(self._keep_running(name, run), name=name)
                for name, run in loops.items()
            ]
            telemetry.info(
                "running",
                feeds=len(parts.followed),
                channels=len(parts.lanes),
                digests=len(config.digests),
                config=config.path,
            )
            self._notifier.ready(f"following {len(parts.followed)} feeds")
            self.started.set()
            try:
                await self._until_told()
            finally:
                await self._end(parts, tasks)
                self.parts = None

    async def _until_told(self) -> None:
        told = [asyncio.create_task(e.wait()) for e in (self._stop, self._reload)]
        try:
            await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in told:
                task.cancel()

    async def _end(self, parts: Parts, tasks: list[asyncio.Task[None]]) -> None:
        """Let what is in flight end; what is not done by then stays owed."""
        telemetry.info("stopping")
        parts.stop()
        self._metronome_bell.ring()
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
        for task in late:
            telemetry.warning("still busy, left for the next start", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.store.write(daemons.leave, parts.owner)

    def _loops(self, parts: Parts) -> dict[str, Callable[[], Awaitable[None]]]:
        self._metronome_bell = Bell()
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "poll": parts.poller.run,
            "alerts": parts.alerts.run,
            "digests": parts.digests.run,
            "notices": parts.notary.run,
            "full texts": parts.full_texts.run,
            "sweep": parts.sweeper.run,
            "metronome": lambda: self._metronome(parts),
        }
        loops |= {f"lane {name}": lane.run for name, lane in parts.lanes.items()}
        if parts.push is not None:
            loops["push"] = parts.push.run
        if parts.web is not None:
            loops["web"] = parts.web.run
        return loops

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a loop; if it crashes, log it and run it again, ever later."""
        wait = _FIRST_RESTART
        while True:
            begun = time.monotonic()
            try:
                return await run()
            except Exception as exc:  # noqa: BLE001 (the supervisor's task)
                telemetry.error("loop crashed", exc=exc, loop=name, again_in=f"{wait:g}s")
            if time.monotonic() - begun > _RAN_WELL:
                wait = _FIRST_RESTART
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stop.wait()
            if self._stop.is_set() or self._reload.is_set():
                return None
            wait = min(wait * 2, _LONGEST_RESTART)

    async def _metronome(self, parts: Parts) -> None:
        """Ring the loops at their times, and feed the watchdog."""
        tidying: set[asyncio.Task[object]] = set()

        def begin(work: Awaitable[object]) -> None:
            task = asyncio.ensure_future(work)
            tidying.add(task)
            task.add_done_callback(tidying.discard)

        def woke(by: timedelta) -> None:
            begin(parts.store.write(outbox.clock_moved, by, parts.clock()))
            parts.ring_all()
            if parts.push is not None:
                begin(parts.push.catch_up())

        every: dict[Callable[[], object], timedelta] = {
            parts.sweeper.bell.ring: _SWEEP,
            parts.digests.bell.ring: LONGEST_WAIT,
            lambda: begin(parts.poller.renew_leases()): timedelta(minutes=1),
            lambda: begin(parts.pricing.save()): timedelta(minutes=1),
            functools.partial(self._look_at, parts.config.feeds_path): _SWEEP,
        }
        if self._notifier.watchdog:
            every[lambda: begin(self._feed_watchdog(parts))] = self._notifier.watchdog / 3
        keep = parts.config.store.keep
        cadence = Cadence(
            every=every,
            daily={lambda: begin(tidy(parts.store, parts.clock, keep)): _TIDY_AT},
            on_moved=woke,
        )
        while not (self._stop.is_set() or self._reload.is_set()):
            cadence.tick(parts.clock(), time.monotonic())
            await self._metronome_bell.wait(cadence.wait())
        for task in tidying:
            task.cancel()
        await asyncio.gather(*tidying, return_exceptions=True)

    def _look_at(self, path: Path) -> None:
        """Reload when commands have written to the file of feeds."""
        if _state_of(path) != self._feeds_file:
            self.reload()

    async def _feed_watchdog(self, parts: Parts) -> None:
        """Say that we live: the database answers, and every loop goes round."""
        await parts.store.read(feeds.next_due_at)
        now = asyncio.get_running_loop().time()
        stuck = [name for name, bell in parts.bells().items() if now - bell.waited_at > _SILENCE]
        if stuck:
            telemetry.error("loops do not go round", loops=", ".join(stuck))
        else:
            self._notifier.alive()


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when the file at `path` is written; None if there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino, state.st_size
