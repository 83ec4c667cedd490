"""Digests: close the slots that are due, each once, with everything that is owed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.messages import Message
from digestd.core.models import Digest, Subscription
from digestd.core.pictures import Pictures
from digestd.core.slots import Slot, next_slot, slots_between
from digestd.errors import DigestdError
from digestd.frozen import dataclass
from digestd.services.fulltext import FullTexts
from digestd.services.illustrate import Illustrator
from digestd.services.messages import Composer, load
from digestd.services.waiting import Bell
from digestd.store import digests, entries, outbox, owed, pauses
from digestd.store.db import Database
from digestd.store.lanes import Store

if TYPE_CHECKING:  # loaded when a digest is due
    from digestd.services.digestfacts import Facts

# After a longer downtime the last slot stands for all before it; older ones need not be
# counted one by one. The rarest rule, "31st", has one in 62 days.
_LOOK_BACK = timedelta(days=100)
# Where nothing is due, how far one looked is noted this often; at a stop it is noted exactly.
_LOOKED_LONG_AGO = timedelta(hours=1)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of a slot. `identity` is empty where nothing was sent."""

    digest: str
    slot: Slot
    identity: str
    entries: int
    channels: tuple[str, ...] = ()


class DigestMaker:
    """Closes slots when they are due."""

    def __init__(
        self,
        store: Store,
        composer: Composer,
        illustrator: Illustrator,
        full_texts: FullTexts,
        configured: Mapping[str, Digest],
        clock: Clock,
        on_made: Callable[[str], None] = lambda _channel: None,
        followed: Mapping[int, Subscription] | None = None,
        fallback: timedelta = timedelta(days=1),
        after: timedelta = timedelta(hours=6),
        web_url: str = "",
    ) -> None:
        """`followed`: what the owner wants of each feed, by `Feed.pk`.

        An alert that waits for longer than `fallback` is told here in its place;
        a feed that fails for longer than `after` has a line at the end. `web_url`
        is where the owner reaches our pages.
        """
        self.bell = Bell()
        self._store = store
        self._composer = composer
        self._illustrator = illustrator
        self._full_texts = full_texts
        self._digests = configured
        self._clock = clock
        self._on_made = on_made
        self._followed = followed or {}
        self._fallback, self._after = fallback, after
        self._web_url = web_url
        self._stopping = False

    async def run(self) -> None:
        """Close slots as they fall due, until `stop`."""
        while not self._stopping:
            await self.work()
            now = self._clock()
            upcoming = [
                slot.due_at
                for digest in self._digests.values()
                if (slot := next_slot(digest.schedule, digest.zone, now))
            ]
            await self.bell.wait(min(upcoming) - now if upcoming else None)
        await self._leave()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self.bell.ring()

    async def work(self) -> list[Closed]:
        """Close every slot that is due now. One digest's trouble is that digest's alone."""
        closed = []
        for digest in self._digests.values():
            try:
                result = await self._work_one(digest)
            except DigestdError as exc:
                telemetry.error("digest not made", digest=digest.name, why=exc)
                continue
            except Exception as exc:  # noqa: BLE001 (see the docstring; the slot stays due)
                telemetry.error("digest not made", exc=exc, digest=digest.name)
                continue
            if result is not None:
                closed.append(result)
        return closed

    async def _work_one(self, digest: Digest) -> Closed | None:
        now = self._clock()
        looked = await self._store.read(digests.looked_until, digest.name)
        if looked is None or looked > now:
            # New, or the clock was set back: slots that were closed stay closed by their keys.
            await self._store.write(digests.know_until, digest.name, now)
            return None
        due = list(slots_between(digest.schedule, digest.zone, max(looked, now - _LOOK_BACK), now))
        if not due:
            if now - looked > _LOOKED_LONG_AGO:
                await self._store.write(digests.look, digest.name, now)
            return None
        if await self._is_silent(digest, now):
            # What is owed waits for the first slot after the pause.
            telemetry.info("slot passed", digest=digest.name, slot=due[-1].key, why="paused")
            await self._store.write(digests.look, digest.name, due[-1].due_at)
            return None
        # After downtime one catch-up, not many: the last slot stands for all.
        closed = await self.close(digest, due[-1], missed=len(due) - 1)
        await self._store.write(digests.look, digest.name, due[-1].due_at)
        return closed

    async def _leave(self) -> None:
        """Note up to when slots were seen to, for another `when` than ours may follow.

        A digest at 08:00 that is moved to 11:00 at noon is due tomorrow, not at once.
        """
        now = self._clock()
        for digest in self._digests.values():
            looked = await self._store.read(digests.looked_until, digest.name)
            if looked is None or looked >= now:
                continue
            if next(slots_between(digest.schedule, digest.zone, looked, now), None) is None:
                await self._store.write(digests.look, digest.name, now)

    async def _is_silent(self, digest: Digest, now: datetime) -> bool:
        """Return whether the digest is paused, or every channel that it goes to."""
        known = await self._store.read(pauses.in_force, now)
        return bool(known.of_digest(digest.name)) or all(map(known.of_channel, digest.to))

    async def _debts(self, digest: Digest, now: datetime) -> list[owed.Owed]:
        """Return what is owed to `digest` now, but for feeds that are paused."""
        silent = await self._store.read(pauses.silent_feeds, self._followed, now)
        debts = await self._store.read(owed.due, "digest", now, target=digest.name)
        return [debt for debt in debts if debt.feed_pk not in silent]

    async def _wanting(self, digest: Digest, now: datetime) -> list[str]:
        """Return the digest's channels, but for those whose owner wants nothing meanwhile."""
        known = await self._store.read(pauses.in_force, now)
        wanted = [
            name
            for name in digest.to
            if (pause := known.of_channel(name)) is None or not pause.dropping
        ]
        return wanted or list(digest.to)

    async def close(
        self, digest: Digest, slot: Slot, *, missed: int = 0, force: bool = False
    ) -> Closed | None:
        """Close `slot` with all that is owed to `digest`; None if it was closed before.

        Fewer entries than `at_least` wait for the next slot (for `max_wait` at
        most), unless `force`. What arrives while the message is being made waits
        for the next one.
        """
        for _ in range(_TRIES):
            if await self._store.read(digests.is_closed, digest.name, slot.key):
                return None
            now = self._clock()
            debts = await self._debts(digest, now)
            made = None
            if force or enough(digest, debts, now):
                made = await self._outgoing(digest, slot, debts, now, missed)
            if await self._store.write(digests.close, digest.name, slot, made, self._clock()):
                return self._told(digest, slot, made, debts)
        raise DigestdError(f"digest {digest.name}: others kept sending what it was made of")

    async def _outgoing(
        self,
        digest: Digest,
        slot: Slot,
        debts: Sequence[owed.Owed],
        now: datetime,
        missed: int,
    ) -> outbox.Outgoing:
        from digestd.services import digestfacts  # noqa: PLC0415 (when one is due)

        known = await self._store.read(load, [debt.entry_id for debt in debts])
        shown = await self._full_texts.filled(known)
        members = [shown[debt.entry_id] for debt in debts if debt.entry_id in shown]
        identity = f"digest/{digest.name}/{slot.key}"
        facts = await self._facts(digest, shown, now)
        words = self._composer.words(digest.zone)
        notes = digestfacts.lateness(slot, missed, words, now)
        to = await self._wanting(digest, now)

        def render(pictures: Pictures) -> Message:
            return self._composer.renderer.render_digest(
                digest,
                members,
                identity=identity,
                now=now,
                slot_due_at=slot.due_at,
                wishes=self._followed,
                around=digestfacts.around(facts, digest, words, now, notes, self._web_url),
                pictures=pictures,
            )

        if await self._composer.in_thread(lambda: self._composer.shows_images(to)):
            message = await self._illustrator.illustrated(self._composer, render, shown, digest)
        else:
            message = await self._composer.in_thread(lambda: render(Pictures()))

        def compose() -> outbox.Outgoing:
            pieces = self._composer.pieces(message, to)
            return outbox.Outgoing(
                identity,
                "digest",
                message.title,
                pieces,
                [entry.id for entry, _ in members],
                [debt.pk for debt in debts],
                facts.unreached,
            )

        return await self._composer.in_thread(compose)

    def _feeds_of(self, digest: Digest) -> list[int]:
        """Return the feeds that this digest is made of."""
        return [pk for pk, one in self._followed.items() if digest.name in one.digests]

    async def _facts(self, digest: Digest, entry_ids: Collection[int], now: datetime) -> Facts:
        from digestd.services.digestfacts import Limits, gather  # noqa: PLC0415 (as above)

        limits = Limits(self._fallback, self._after)
        return await self._store.read(
            gather, digest.name, entry_ids, self._feeds_of(digest), now, limits
        )

    def _told(
        self,
        digest: Digest,
        slot: Slot,
        made: outbox.Outgoing | None,
        debts: Sequence[owed.Owed],
    ) -> Closed:
        if made is None:
            telemetry.info("slot passed", digest=digest.name, slot=slot.key, waiting=len(debts))
            return Closed(digest.name, slot, "", 0)
        telemetry.info(
            "digest made", digest=digest.name, slot=slot.key, entries=len(made.entry_ids)
        )
        channels = tuple(dict.fromkeys(channel for channel, _ in made.pieces))
        for channel in channels:
            self._on_made(channel)
        return Closed(digest.name, slot, made.identity, len(made.entry_ids), channels)

    async def preview(self, digest: Digest, *, since: datetime | None = None) -> Message:
        """Return the message that would be made now, marking nothing.

        With `since`, as if everything that its feeds brought from then on were
        owed, what was seen at the first fetch included, but not what a rule dropped.
        """
        from digestd.services import digestfacts  # noqa: PLC0415 (as above)

        now = self._clock()
        if since is None:
            debts = await self._debts(digest, now)
            ids = [debt.entry_id for debt in debts]
        else:
            ids = await self._store.read(_seen_since, self._feeds_of(digest), since)
        shown = await self._full_texts.filled(await self._store.read(load, ids))
        members = [shown[i] for i in ids if i in shown]
        facts = await self._facts(digest, shown, now)
        words = self._composer.words(digest.zone)
        return await self._illustrator.illustrated(
            self._composer,
            lambda pictures: self._composer.renderer.render_digest(
                digest,
                members,
                identity=f"preview/{digest.name}",
                now=now,
                slot_due_at=now,
                wishes=self._followed,
                around=digestfacts.around(facts, digest, words, now, web_url=self._web_url),
                pictures=pictures,
            ),
            shown,
            digest,
        )


def enough(digest: Digest, debts: Sequence[owed.Owed], now: datetime) -> bool:
    """Return whether a slot is worth a message: `at_least`, or the oldest has waited long."""
    if len(debts) >= digest.at_least:
        return True
    return bool(debts) and now - min(debt.due_at for debt in debts) >= digest.max_wait


def manual_slot(digest: Digest, now: datetime) -> Slot:
    """Return the slot that the owner closes by hand at `now`."""
    local = now.astimezone(digest.zone).replace(tzinfo=None)
    return Slot(f"{local.isoformat(timespec='milliseconds')} by hand", now)


def _seen_since(db: Database, feed_pks: Sequence[int], since: datetime) -> list[int]:
    found = entries.recent(db, feed_pks=feed_pks, since=since, limit=2_000)
    return [entry.id for entry in reversed(found) if not entry.is_dropped]
