"""When a feed is asked again: the plan, and what stands above it.

`core.planner` finds the moment at which one more request saves the most waiting. Above
it stand the publisher's floors, Retry-After and skip lists, the owner's own `interval`,
and the back-off of a feed that fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from digestd.core import planner
from digestd.core.freshness import parse_retry_after, polite_floor, skip_until
from digestd.core.models import Feed, Subscription
from digestd.core.outcomes import Failed, FetchOutcome, Gone
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.planner import FAIRNESS, PUSHED, Bounds
from digestd.frozen import dataclass

# At the usual budget, until the daemon has found its own (`planner.steer`).
USUAL_PRICE: Final = planner.first_price(24)
# Feeds that began to fail together drift apart by this share of their wait.
JITTER = 0.1
RECENT_GAPS = 20

_TOO_MANY = (429, 503)


@dataclass(frozen=True, slots=True)
class PollLimits:
    """`[poll]`: never more often, while a feed lives never more seldom, and who goes before."""

    min_interval: timedelta = timedelta(minutes=5)
    max_interval: timedelta = timedelta(hours=24)
    fairness: float = FAIRNESS


def next_poll_at(
    feed: Feed,
    subscription: Subscription,
    outcome: FetchOutcome,
    parsed: ParsedFeed | Unreadable | None,
    *,
    now: datetime,
    chance: float,
    limits: PollLimits,
    price: float = USUAL_PRICE,
    pushed: bool = False,
    overflow: bool = False,
) -> datetime | None:
    """Return when to ask `feed` next, given what was just learned; None: never (410).

    `feed` is as it was before this outcome, but for its `rhythm`, which knows it.
    `parsed` is None where there was nothing new to parse (a 304, the same bytes,
    a failure). `chance` is in [0, 1). `price` is what a request must save
    (`planner.Price`); `pushed`: a hub tells of its posts, under a live lease;
    `overflow`: every listed entry was new. The owner's `interval` goes before the
    plan, its bounds and the floors, but not before Retry-After or the skip lists.
    """
    if isinstance(outcome, Gone):
        return None

    def plan(floor: timedelta = timedelta(0)) -> timedelta:
        if subscription.interval is not None:
            return subscription.interval
        listed = len(parsed.entries) if isinstance(parsed, ParsedFeed) else feed.listed
        due = planner.next_poll_at(
            feed.rhythm,
            price * (PUSHED if pushed else 1.0),
            now,
            chance,
            Bounds(limits.min_interval, limits.max_interval, floor, listed),
            fairness=limits.fairness,
            overflow=overflow,
        )
        return due - now

    if isinstance(outcome, Failed):
        asked = parse_retry_after(outcome.retry_after, now)
        wait = _backoff(feed, subscription, chance, limits)
        if outcome.status in _TOO_MANY and not outcome.retry_after:
            # "Too often" without saying how often is right: at least half as often.
            wait = max(wait, 2 * plan())
    else:
        asked = parse_retry_after(outcome.headers.get("retry-after"), now)
        if isinstance(parsed, Unreadable):
            wait = _backoff(feed, subscription, chance, limits)
        else:
            ttl = parsed.ttl if parsed else feed.ttl
            wait = plan(polite_floor(outcome.headers, ttl, now))
    due = max(now + wait, asked or now)
    known = parsed if isinstance(parsed, ParsedFeed) else feed
    return skip_until(known.skip_hours, known.skip_days, due)


def gaps_between(moments: Iterable[datetime]) -> tuple[float, ...]:
    """Return the seconds between the newest of `moments`, newest first, `RECENT_GAPS` at most.

    Posts of one moment (an import, a release in parts) are one post here.
    """
    newest = sorted(set(moments), reverse=True)[: RECENT_GAPS + 1]
    return tuple((later - sooner).total_seconds() for later, sooner in pairwise(newest))


def _backoff(
    feed: Feed, subscription: Subscription, chance: float, limits: PollLimits
) -> timedelta:
    """Return the wait after one more failure: doubles each time, up to `max_interval`."""
    first = subscription.interval or limits.min_interval
    ceiling = max(limits.max_interval, first)
    doublings = min(feed.failures, 30)  # even 1 s becomes years
    seconds = min(first.total_seconds() * 2.0**doublings, ceiling.total_seconds())
    return min(timedelta(seconds=seconds) * (1 + JITTER * chance), ceiling)
