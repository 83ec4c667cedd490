"""The hubs of all feeds: which to win, to keep, to leave; and what a delivery says of its feed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from digestd.core.freshness import skip_until
from digestd.core.identity import Fresh, clamp_date
from digestd.core.models import Feed
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.websub import HubSubscription, Offer
from digestd.frozen import dataclass, field, replace

# A hub that has not come back by then will not.
VERIFY_WITHIN: Final = timedelta(hours=1)
# After a failure: doubles, up to a day. Until then the feed is polled as any other.
_FIRST_RETRY, _LONGEST_RETRY = timedelta(minutes=10), timedelta(days=1)
# A post that a poll finds is the hub's omission once it is so old.
GRACE: Final = timedelta(minutes=5)
# A hub's delivery may hold less than the feed does: then the feed itself is asked
# within minutes, once for however many deliveries.
_FOLLOW_UP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """A feed with hubs, and how subscribing to them goes."""

    feed_pk: int
    offer: Offer
    turn: int = 0  # of the hub that is tried next
    failures: int = 0  # in a row
    try_at: datetime | None = None
    reason: str = ""  # of the last failure

    @property
    def next_hub(self) -> str:
        """Return the hub whose turn it is."""
        return self.offer.hubs[self.turn % len(self.offer.hubs)]

    def failed(self, reason: str, now: datetime, chance: float) -> Standing:
        """Return it after its hub refused: the next one at once, all of them again later (D5)."""
        turn, failures = self.turn + 1, self.failures + 1
        rest = turn % len(self.offer.hubs)
        again = now if rest else now + retry_after(failures, chance)
        return replace(self, turn=turn, failures=failures, try_at=again, reason=reason)


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription to ask for; `replaces` the one that it renews."""

    standing: Standing
    hub: str
    replaces: HubSubscription | None = None


@dataclass(slots=True)
class Agenda:
    """What is to be done now, and when to look again."""

    wishes: list[Wish] = field(default_factory=list)
    leave: list[HubSubscription] = field(default_factory=list)  # unsubscribe
    end: list[HubSubscription] = field(default_factory=list)  # over, without a word to the hub
    silent: list[HubSubscription] = field(default_factory=list)  # over: not verified in time
    lapsed: list[HubSubscription] = field(default_factory=list)  # over: the lease ran out
    look_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done now."""
        return not (self.wishes or self.leave or self.end or self.silent or self.lapsed)

    def remind(self, at: datetime | None) -> None:
        """Look again at that time, if not sooner."""
        if at is not None:
            self.look_at = at if self.look_at is None else min(self.look_at, at)


def agenda(
    standings: Sequence[Standing], living: Sequence[HubSubscription], base: str, now: datetime
) -> Agenda:
    """Return what is to be done. `base` is the beginning of our callbacks; empty: push is off."""
    of = {one.feed_pk: one for one in standings}
    by_pk = {one.pk: one for one in living}
    renewing = {one.replaces for one in living if one.state == "pending"}
    todo = Agenda()
    served: set[int] = set()
    for one in living:
        standing = of.get(one.feed_pk)
        fate, until = _fate(one, standing, by_pk.get(one.replaces or 0), base, now)
        if fate:
            getattr(todo, fate).append(one)
            if fate in ("silent", "lapsed"):
                served.add(one.feed_pk)  # whose turn it is next, the failure decides
            continue
        todo.remind(until)
        if one.state != "leaving" and standing is not None:
            served.add(one.feed_pk)
            if one.state == "active" and one.pk not in renewing:
                _keep(todo, one, standing, now)
    for standing in standings if base else ():
        if standing.feed_pk not in served:
            if standing.try_at is None or standing.try_at <= now:
                todo.wishes.append(Wish(standing, standing.next_hub))
            else:
                todo.remind(standing.try_at)
    return todo


def _keep(todo: Agenda, one: HubSubscription, standing: Standing, now: datetime) -> None:
    hub = _better_hub(one, standing, now)
    if hub or (one.renew_at and one.renew_at <= now):
        todo.wishes.append(Wish(standing, hub or one.hub, one))
    else:
        todo.remind(one.renew_at)


def _fate(
    one: HubSubscription,
    standing: Standing | None,
    replaced: HubSubscription | None,
    base: str,
    now: datetime,
) -> tuple[str, datetime | None]:
    """Return how it ends ("": it lives on), and when to ask that again."""
    wanted = (
        standing is not None
        and one.topic == standing.offer.topic
        and one.hub in standing.offer.hubs
        and bool(base)
        and one.callback.startswith(base)
    )
    match one.state:
        case "pending":
            span = VERIFY_WITHIN
            if replaced is not None and replaced.lease_until is not None:
                # There must be time for another try before the lease ends.
                span = min(span, max((replaced.lease_until - one.asked_at) / 3, timedelta(0)))
            until = one.asked_at + span
            return ("end" if not wanted else "silent" if until <= now else ""), until
        case "active":
            if one.lease_until is None or one.lease_until <= now:
                return "lapsed", None
            return "" if wanted else "leave", one.lease_until
        case _:
            until = one.asked_at + VERIFY_WITHIN
            return "end" if until <= now else "", until


def _better_hub(one: HubSubscription, standing: Standing, now: datetime) -> str:
    """Return the hub to turn to from one that kept posts from us; "" if there is no other (F1)."""
    hubs = standing.offer.hubs
    if one.suspect_at is None or len(hubs) < 2 or (standing.try_at and standing.try_at > now):
        return ""
    return hubs[(hubs.index(one.hub) + 1) % len(hubs)]


def retry_after(failures: int, chance: float) -> timedelta:
    """Return how long to leave the hubs of a feed alone after so many failures in a row."""
    doublings = min(max(failures - 1, 0), 10)
    return min(_FIRST_RETRY * 2.0**doublings, _LONGEST_RETRY) * (1 + 0.1 * chance)


def missed_by_hub(
    known: HubSubscription,
    published: Sequence[datetime | None],
    now: datetime,
    listening_since: datetime,
) -> bool:
    """Return whether posts that a poll has just found should have been told of (F1).

    Those count that came under the lease, while we could be reached
    (`listening_since`), and have had some minutes to arrive; one without a date
    came somewhere before this poll.
    """
    since = max(known.asked_at, listening_since) + GRACE
    if known.state != "active" or known.suspect_at is not None or now - since < GRACE:
        return False
    return any(date is None or since < date < now - GRACE for date in published)


def after_delivery(
    feed: Feed,
    document: ParsedFeed | Unreadable | None,
    fresh: Sequence[Fresh],
    now: datetime,
    min_interval: timedelta,
) -> Feed:
    """Return the feed's state after a delivery, which does not say how the feed itself fares.

    It may be the whole feed, only what is new, or a mere ping: what is not in it
    is not gone, and what it does not say is asked for.
    """
    last = feed.last_polled_at or now
    if feed.baseline_at is None or not isinstance(document, ParsedFeed) or not document.entries:
        return _due_by(feed, max(now, last + _FOLLOW_UP))
    if len(document.entries) < max(feed.listed, 1):
        feed = _due_by(feed, max(now + _FOLLOW_UP, last + min_interval))
    dates = [
        clamp_date(one.entry.published_at or one.entry.updated_at, now) or now for one in fresh
    ]
    newest = max([*dates, *([feed.last_entry_at] if feed.last_entry_at else [])], default=None)
    return replace(feed, last_entry_at=newest)


def _due_by(feed: Feed, at: datetime) -> Feed:
    at = skip_until(feed.skip_hours, feed.skip_days, at)
    return replace(feed, next_poll_at=min(feed.next_poll_at or at, at))
