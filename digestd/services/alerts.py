"""Alerts: what is owed at once becomes messages, as politely as each channel's owner asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.alerting import AlertPlan, Manners, Waiting, plan_alerts
from digestd.core.messages import Message
from digestd.core.models import Channel, Entry, Feed, Subscription
from digestd.core.pausing import Pauses
from digestd.core.pictures import Pictures
from digestd.frozen import dataclass
from digestd.services.illustrate import Illustrator
from digestd.services.messages import Composer, load
from digestd.services.waiting import Bell
from digestd.store import channels, outbox, owed, pauses
from digestd.store.db import Database
from digestd.store.lanes import Store

# Each is rendered before any goes out.
_LOOKED_AT_ONCE = 200

Members = list[tuple[Entry, Feed]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What bears on some debts, read on one snapshot."""

    shown: dict[int, tuple[Entry, Feed]]
    pauses: Pauses
    in_digests: set[int]
    told: dict[str, list[tuple[datetime, int]]]


class AlertMaker:
    """Turns alerts that are due into messages: one per entry as they come, lists of what waited."""

    def __init__(
        self,
        store: Store,
        composer: Composer,
        illustrator: Illustrator,
        configured: Mapping[str, Channel],
        followed: Mapping[int, Subscription],
        zone: ZoneInfo,
        clock: Clock,
        on_made: Callable[[str], None],
    ) -> None:
        """`followed`: what the owner wants of each feed, by `Feed.pk`; `zone`: of quiet hours."""
        self.bell = Bell()
        self._store = store
        self._composer = composer
        self._illustrator = illustrator
        self._channels = configured
        self._followed = followed
        self._zone = zone
        self._clock = clock
        self._on_made = on_made
        self._unusable: set[str] = set()
        self._is_new = True
        self._stopping = False

    async def run(self) -> None:
        """Make alerts whenever there is something to make, until `stop`."""
        while not self._stopping:
            await self.work()
            now = self._clock()
            next_at = await self._store.read(owed.next_alert_at, now)
            await self.bell.wait(None if next_at is None else next_at - now)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self.bell.ring()

    async def work(self) -> int:
        """Make what is due now; return how many messages."""
        await self._begin()
        made = after = 0
        while debts := await self._store.read(
            owed.due, "alert", self._clock(), after=after, limit=_LOOKED_AT_ONCE
        ):
            made += await self._make([debt for debt in debts if debt.target in self._channels])
            after = debts[-1].pk
        return made

    async def _begin(self) -> None:
        """See to pauses that are over, and to what the owner's new configuration may free."""
        now = self._clock()
        if self._is_new:
            await self._store.write(owed.reconsider, now)
            self._is_new = False
        for pause in await self._store.read(pauses.everything):
            if pause.ends_at <= now:
                await self._store.write(pauses.end, pause, self._followed, now)
                telemetry.info("pause is over", what=pause.what)

    async def _make(self, debts: Sequence[owed.Owed]) -> int:
        if not debts:
            return 0
        now = self._clock()
        known = await self._store.read(self._look, debts, now)
        plans = {
            channel: self._plan(channel, [d for d in debts if d.target == channel], known, now)
            for channel in {debt.target for debt in debts}
        }
        slow = await self._composer.in_thread(
            lambda: {name for name in plans if self._composer.shows_images([name])}
        )
        # Where nothing has to be drawn, nobody waits for those where it has.
        quick = {name: plan for name, plan in plans.items() if name not in slow}
        made = await self._put(quick, debts, known, Pictures(), now) if quick else 0
        drawn = {name: plan for name, plan in plans.items() if name in slow}
        if drawn:
            pictures = await self._drawn(drawn, debts, known)
            made += await self._put(drawn, debts, known, pictures, now)
        return made

    async def _put(
        self,
        plans: Mapping[str, AlertPlan],
        debts: Sequence[owed.Owed],
        known: _Known,
        pictures: Pictures,
        now: datetime,
    ) -> int:
        """Put the alerts of these channels into the outbox; return how many."""
        outgoing = await self._composer.in_thread(
            lambda: [
                made
                for channel, plan in plans.items()
                for made in self._outgoing(channel, plan, debts, known.shown, pictures)
            ]
        )
        await self._park_unusable(plans)
        await self._store.write(_record, outgoing, list(plans.values()), now)
        for channel in {channel for one in outgoing for channel, _ in one.pieces}:
            self._on_made(channel)
        return len(outgoing)

    async def _drawn(
        self, plans: Mapping[str, AlertPlan], debts: Iterable[owed.Owed], known: _Known
    ) -> Pictures:
        """Return the formulas that these alerts want drawn, as far as that is quick."""
        of = {debt.pk: debt.entry_id for debt in debts}

        def wish() -> Pictures:
            wishes = Pictures()
            for channel, plan in plans.items():
                for pks in plan.messages:
                    self._message(channel, [known.shown[of[pk]] for pk in pks], wishes)
            return wishes

        try:
            wishes = await self._composer.in_thread(wish)
            return await self._illustrator.drawn(wishes.wishes)
        except Exception as exc:  # noqa: BLE001 (an alert without pictures is better than none)
            telemetry.error("formulas not drawn", exc=exc)
            return Pictures()

    def _look(self, db: Database, debts: Sequence[owed.Owed], now: datetime) -> _Known:
        ids = [debt.entry_id for debt in debts]
        return _Known(
            load(db, ids),
            pauses.in_force(db, now),
            owed.in_digests(db, ids),
            {
                name: outbox.alerts_since(db, name, now - self._manners(name).burst_window)
                for name in {debt.target for debt in debts}
                if self._manners(name).burst
            },
        )

    def _manners(self, channel: str) -> Manners:
        return self._channels[channel].manners

    def _plan(
        self, channel: str, debts: Sequence[owed.Owed], known: _Known, now: datetime
    ) -> AlertPlan:
        due = []
        for debt in debts:
            if debt.entry_id not in known.shown:
                continue
            _, feed = known.shown[debt.entry_id]
            tags = pauses.tags_of(self._followed, feed.pk)
            pause = known.pauses.of_alert(feed.id, tags, channel)
            in_digest = debt.entry_id in known.in_digests
            due.append(Waiting(debt.pk, debt.held != "", pause, in_digest))
        told = known.told.get(channel, [])
        return plan_alerts(due, self._manners(channel), told=told, now=now, zone=self._zone)

    # --- in the rendering thread -------------------------------------------------------

    def _outgoing(
        self,
        channel: str,
        plan: AlertPlan,
        debts: Iterable[owed.Owed],
        shown: Mapping[int, tuple[Entry, Feed]],
        pictures: Pictures,
    ) -> list[outbox.Outgoing]:
        if not plan.messages:
            return []
        if (trouble := self._composer.trouble_with(channel)) is not None:
            if channel not in self._unusable:
                telemetry.warning("channel unusable", channel=channel, why=trouble)
            return []  # the debts wait until it is mended
        of = {debt.pk: debt for debt in debts}
        made = []
        for pks in plan.messages:
            members = [shown[of[pk].entry_id] for pk in pks]
            try:
                message = self._message(channel, members, pictures.again())
                pieces = self._composer.pieces(message, [channel])
            except Exception as exc:  # noqa: BLE001 (one poisonous entry must not hold up the others)
                telemetry.error("alert not made", exc=exc, entries=[e.id for e, _ in members])
                continue
            ids = [entry.id for entry, _ in members]
            made.append(outbox.Outgoing(message.identity, "alert", message.title, pieces, ids, pks))
        return made

    def _message(self, channel: str, members: Members, pictures: Pictures) -> Message:
        """Render an alert; one that cannot be rendered still says title and link."""
        identity = _identity(channel, members)
        try:
            return self._composer.renderer.render_alert(
                members,
                identity=identity,
                now=self._clock(),
                styles=self._composer.styles(channel),
                pictures=pictures,
            )
        except Exception as exc:  # noqa: BLE001 (whatever it is, its owner hears of the entry)
            telemetry.error("alert not rendered", exc=exc, entries=[e.id for e, _ in members])
        lines = [f"{entry.title or feed.label}\n{entry.link or ''}" for entry, feed in members]
        title = members[0][0].title or members[0][1].label
        text = "\n\n".join(lines)
        return Message("alert", identity, title, text, html="", created_at=self._clock())

    # --- what cannot be used -----------------------------------------------------------

    async def _park_unusable(self, plans: Mapping[str, AlertPlan]) -> None:
        """Park, once, each channel whose address makes no sense: its owner has to mend it."""
        for name in plans:
            trouble = self._composer.trouble_with(name) if plans[name].messages else None
            if trouble is not None and name not in self._unusable:
                self._unusable.add(name)
                await self._store.write(channels.park, name, trouble, self._clock())


def _identity(channel: str, members: Members) -> str:
    """Return the name of an alert: the same for the same entries, whoever makes it."""
    names = [f"{entry.id}/{entry.revision}" for entry, _ in members]
    if len(names) == 1:
        return f"alert/{channel}/{names[0]}"
    return f"alerts/{channel}/{sha256(' '.join(names).encode()).hexdigest()[:24]}"


def _record(
    db: Database, outgoing: Sequence[outbox.Outgoing], plans: Sequence[AlertPlan], now: datetime
) -> None:
    for one in outgoing:
        outbox.put(db, one, now)
    for plan in plans:
        owed.hold(db, plan.held)
        owed.drop(db, plan.dropped)
