"""Notices: the owner hears, once, that something is in trouble, and once that it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.models import Channel, Subscription
from digestd.core.notices import Finding, News, news, of_channels, of_feeds
from digestd.frozen import dataclass, replace
from digestd.services import noticetexts
from digestd.services.messages import Composer
from digestd.services.waiting import Bell
from digestd.store import feeds, held, notices, outbox, pauses
from digestd.store.db import Database
from digestd.store.lanes import Store

# Of channels and messages one hears at once; thousands of feeds are looked at now and then.
_FEEDS_EVERY = 120.0
# A channel that refuses one message after the other is told of once in a while, not each time.
_DEAD_EVERY = timedelta(hours=1)
_MOST_SAID = 20


@dataclass(frozen=True, slots=True)
class _State:
    """What is wrong and what is new of it, read on one snapshot."""

    news: News
    channel_of: dict[str, str]  # of a delivery's subject
    silent: frozenset[str]  # channels that take nothing just now


class Notary:
    """Looks for troubles and makes notices of them. Not at every hiccup."""

    def __init__(
        self,
        store: Store,
        composer: Composer,
        configured: Mapping[str, Channel],
        followed: Mapping[int, Subscription],
        zone: ZoneInfo,
        clock: Clock,
        on_made: Callable[[str], None],
        *,
        to: Sequence[str],
        after: timedelta,
    ) -> None:
        """`to`: who is told; `after`: how long a feed fails before that is worth a notice."""
        self.bell = Bell()
        self._store = store
        self._composer = composer
        self._channels = configured
        self._followed = followed
        self._zone = zone
        self._clock = clock
        self._on_made = on_made
        self._to = to
        self._after = after
        self._logged: set[tuple[str, str]] = set()
        self._dead_told: dict[str, datetime] = {}  # by channel: when its refusals were told last
        self._stopping = False

    async def run(self) -> None:
        """Look whenever rung, and now and then, until `stop`."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while not self._stopping:
            too = loop.time() >= look_at
            await self.work(feeds_too=too)
            if too:
                look_at = loop.time() + _FEEDS_EVERY
            await self.bell.wait()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self.bell.ring()

    async def work(self, *, feeds_too: bool = True) -> int:
        """Look once; return how many notices were made."""
        now = self._clock()
        state = await self._store.read(self._look, now, feeds_too)
        self._log(state.news)
        if state.news.forgotten:
            await self._store.write(notices.record, News(forgotten=state.news.forgotten))
        made = 0
        for channels, some in self._by_channels(state, now).items():
            outgoing = await self._composer.in_thread(
                lambda: self._outgoing(channels, some, state, now)  # noqa: B023 (awaited here)
            )
            if not outgoing.pieces:
                continue
            if await self._store.write(_put, some, outgoing, now):
                made += 1
                self._dead_told |= {
                    channel: now
                    for one in some.begun
                    if (channel := state.channel_of.get(one.subject)) is not None
                }
                for channel in channels:
                    self._on_made(channel)
        return made

    def _look(self, db: Database, now: datetime, feeds_too: bool) -> _State:
        known = notices.known(db)
        labels = {f"channel:{name}": name for name in self._channels}
        health = [one for one in notices.channel_health(db) if one.name in self._channels]
        dead = notices.dead(db)
        found = [*of_channels(health, known, now, self._after), *(finding for _, finding in dead)]
        if feeds_too:
            silent = pauses.silent_feeds(db, self._followed, now)
            told = [subject.removeprefix("feed:") for subject, _ in known]
            troubled = feeds.in_trouble(db, told, now)
            labels |= {f"feed:{feed.id}": feed.label for feed in troubled}
            hushed = {f"feed:{feed.id}" for feed in troubled if feed.pk in silent}
            # Of what is paused nothing new is told, and nothing is over.
            found += [
                finding
                for finding in of_feeds(troubled, known, now, self._after)
                if finding.subject not in hushed or finding.key in known
            ]
            found += _held(db)
        else:
            known = {key: since for key, since in known.items() if not key[0].startswith("feed:")}
        return _State(
            news(found, known, labels),
            {finding.subject: channel for channel, finding in dead},
            frozenset(
                finding.label
                for finding in found
                if finding.trouble in ("parked", "failing")
                and finding.subject.startswith("channel:")
            ),
        )

    def _log(self, fresh: News) -> None:
        """Say in the log what is new, once, whether or not there is a channel to tell it."""
        for one in fresh.begun:
            if one.key not in self._logged:
                self._logged.add(one.key)
                facts = {"why": one.detail} if one.detail else {}
                telemetry.warning("trouble", what=one.subject, trouble=one.trouble, **facts)
        for one in fresh.over:
            telemetry.info("trouble is over", what=one.subject, trouble=one.trouble)
            self._logged.discard(one.key)

    # --- who is told -------------------------------------------------------------------

    def _by_channels(self, state: _State, now: datetime) -> dict[tuple[str, ...], News]:
        """Sort the news by the channels that tell them; what none can tell now waits."""
        sorted_: dict[tuple[str, ...], News] = {}
        for one in state.news.begun:
            if self._was_just_told(state.channel_of.get(one.subject, ""), now):
                continue
            channels = self._who_tells(one, state)
            known = sorted_.get(channels, News())
            sorted_[channels] = replace(known, begun=(*known.begun, one))
        for one in state.news.over:
            channels = self._who_tells(one, state)
            known = sorted_.get(channels, News())
            sorted_[channels] = replace(known, over=(*known.over, one))
        return {
            channels: some
            for channels, some in sorted_.items()
            if channels and not any(self._is_quiet(name, now) for name in channels)
        }

    def _who_tells(self, finding: Finding, state: _State) -> tuple[str, ...]:
        """Return the channels of a notice: another than the one in trouble, if there is any."""
        if not self._to:
            return ()
        kind, _, name = finding.subject.partition(":")
        troubled = name if kind == "channel" else state.channel_of.get(finding.subject, "")
        able = [name for name in self._channels if name not in state.silent]
        wanted = [name for name in self._to if name in able and name != troubled]
        others = [name for name in able if name != troubled][:1]
        return tuple(wanted or others or able[:1])

    def _was_just_told(self, channel: str, now: datetime) -> bool:
        """Return whether further refusals of this channel can wait to be told together."""
        told = self._dead_told.get(channel)
        return told is not None and timedelta(0) <= now - told < _DEAD_EVERY

    def _is_quiet(self, channel: str, now: datetime) -> bool:
        return self._channels[channel].manners.quiet.until(now, self._zone) != now

    # --- what is said ------------------------------------------------------------------

    def _outgoing(
        self, channels: Sequence[str], some: News, state: _State, now: datetime
    ) -> outbox.Outgoing:
        words = self._composer.words(self._zone)
        texts = [
            noticetexts.begun(one, state.channel_of.get(one.subject, ""), words, now)
            for one in some.begun
        ]
        texts += [noticetexts.over(one, words) for one in some.over]
        title, more = texts[0], len(texts) - 1
        if more:
            title = words.count("{title} and {n} more", "{title} and {n} more", more, title=title)
        if len(texts) > _MOST_SAID:
            more = len(texts) - _MOST_SAID
            texts = [*texts[:_MOST_SAID], words.count("and {n} more", "and {n} more", more)]
        identity = f"notice/{_mark(some)}"
        message = self._composer.renderer.render_notice(title, texts, identity=identity, now=now)
        pieces = self._composer.pieces(message, channels)
        return outbox.Outgoing(identity, "notice", message.title, pieces)


def _held(db: Database) -> list[Finding]:
    batches = held.batches(db)
    of = feeds.by_pk(db, [one.feed_pk for one in batches])
    return [
        Finding(f"feed:{of[one.feed_pk].id}", "held", one.held_at, of[one.feed_pk].label)
        for one in batches
    ]


def _mark(some: News) -> str:
    """Return what names these news for ever, whoever tells them."""
    begun = [f"{one.subject} {one.trouble} {one.since}" for one in some.begun]
    over = [f"{one.subject} {one.trouble} {one.since} over" for one in some.over]
    return sha256("\n".join(sorted(begun + over)).encode()).hexdigest()[:24]


def _put(db: Database, some: News, outgoing: outbox.Outgoing, now: datetime) -> bool:
    return notices.record(db, some) and outbox.put(db, outgoing, now)
