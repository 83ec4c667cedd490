"""From what is owed to what will be sent: entries rendered, composed, put into the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.models import Entry, Feed, Message, Piece
from digestd.delivery.compose import compose
from digestd.delivery.render import Renderer
from digestd.delivery.words import Words
from digestd.errors import ConfigError
from digestd.services.deliver import Targets
from digestd.services.waiting import Bell
from digestd.store import entries, feeds, outbox, owed
from digestd.store.db import Database, Store

T = TypeVar("T")
_ALERTS_AT_ONCE = 200


def load(db: Database, entry_ids: Iterable[int]) -> dict[int, tuple[Entry, Feed]]:
    """Return these entries with their feeds."""
    found = entries.by_id(db, entry_ids)
    of = feeds.by_pk(db, (entry.feed_pk for entry in found.values()))
    return {entry.id: (entry, of[entry.feed_pk]) for entry in found.values()}


class Composer:
    """Renders and composes in a thread of its own: templates and mail take milliseconds."""

    def __init__(self, renderer: Renderer, targets: Targets, language: str) -> None:
        self.renderer = renderer
        self._language = language
        self._targets = targets
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="digestd-render")

    def words(self, zone: ZoneInfo) -> Words:
        """Return fixed words and dates in the owner's language."""
        return Words(self._language, zone)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run `function` in the rendering thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def pieces(self, message: Message, channels: Sequence[str]) -> list[tuple[str, Piece]]:
        """Return the pieces of `message` for each channel. Blocking.

        A channel that cannot be opened takes none: its debt stays as it is, and
        `check` names what is wrong. Raises ConfigError if no channel is left.
        """
        if message.complaint:
            # Ours was used in its place, so that the message still goes out.
            telemetry.warning("own template not used", why=message.complaint)
        made: list[tuple[str, Piece]] = []
        trouble: ConfigError | None = None
        for channel in channels:
            try:
                made += [(channel, piece) for piece in compose(self._targets[channel], message)]
            except ConfigError as exc:
                telemetry.warning("channel unusable", channel=channel, why=exc.reason)
                trouble = exc
        if trouble is not None and not made:
            raise trouble
        return made

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class AlertMaker:
    """Turns alerts that are due into messages, one per entry, as they come."""

    def __init__(
        self, store: Store, composer: Composer, clock: Clock, on_made: Callable[[str], None]
    ) -> None:
        self.bell = Bell()
        self._store = store
        self._composer = composer
        self._clock = clock
        self._on_made = on_made
        self._stopping = False

    async def run(self) -> None:
        """Make alerts whenever there is something to make, until `stop`."""
        while not self._stopping:
            await self.work()
            await self.bell.wait()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self.bell.ring()

    async def work(self) -> int:
        """Make what is due now; return how many messages."""
        made = 0
        after = 0
        while debts := await self._store.read(
            owed.due, "alert", self._clock(), after=after, limit=_ALERTS_AT_ONCE
        ):
            shown = await self._store.read(load, [debt.entry_id for debt in debts])
            outgoing = await self._composer.in_thread(lambda: self._render(debts, shown))  # noqa: B023 (awaited here)
            await self._store.write(_put_all, outgoing, self._clock())
            for channel in {channel for o in outgoing for channel, _ in o.pieces}:
                self._on_made(channel)
            made += len(outgoing)
            after = debts[-1].pk
        return made

    def _render(
        self, debts: Sequence[owed.Owed], shown: dict[int, tuple[Entry, Feed]]
    ) -> list[outbox.Outgoing]:
        made = []
        for debt in debts:
            pair = shown.get(debt.entry_id)
            if pair is None:
                continue
            identity = f"alert/{debt.target}/{debt.entry_id}/{pair[0].revision}"
            try:
                message = self._composer.renderer.render_alert(
                    [pair], identity=identity, now=self._clock()
                )
                pieces = self._composer.pieces(message, [debt.target])
            except ConfigError:
                continue  # said already; the debt waits until the channel is mended
            except Exception as exc:  # noqa: BLE001 (one poisonous entry must not hold up the others)
                telemetry.error("alert not rendered", exc=exc, entry=debt.entry_id)
                continue
            made.append(
                outbox.Outgoing(
                    identity, "alert", message.title, pieces, [debt.entry_id], [debt.pk]
                )
            )
        return made


def _put_all(db: Database, outgoing: Sequence[outbox.Outgoing], now: datetime) -> None:
    for one in outgoing:
        outbox.put(db, one, now)
