"""When a feed is asked again.

For now a simple rule: a feed is asked about `ASKS_PER_GAP` times in its usual
gap between posts, ever more seldom while it is silent. The publisher's floors,
Retry-After and skip lists stand above it, and the back-off of a failing feed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from digestd.core.freshness import parse_retry_after, polite_floor, skip_until
from digestd.core.models import Feed, ParsedFeed, Subscription, Unreadable
from digestd.core.outcomes import Failed, Fetched, FetchOutcome, Gone, NotModified

# A daily feed is asked hourly, so half an hour is its mean delay: what `requests_per_feed_per_day`
# amounts to for it.
ASKS_PER_GAP = 24
# While a feed's rhythm is unknown. Miniflux's default.
UNKNOWN_RHYTHM = timedelta(hours=1)
# Feeds that came due together drift apart by this share of their interval.
JITTER = 0.1
RECENT_GAPS = 20

_TOO_MANY = (429, 503)


@dataclass(frozen=True, slots=True)
class PollLimits:
    """`[poll]`: never more often, and while a feed lives never more seldom."""

    min_interval: timedelta = timedelta(minutes=5)
    max_interval: timedelta = timedelta(hours=24)


def next_poll_at(
    feed: Feed,
    subscription: Subscription,
    outcome: FetchOutcome,
    parsed: ParsedFeed | Unreadable | None,
    *,
    now: datetime,
    chance: float,
    limits: PollLimits,
) -> datetime | None:
    """Return when to ask `feed` next, given what was just learned; None: never (410).

    `feed` is as it was before this outcome. `parsed` is None where there was
    nothing new to parse (a 304, the same bytes, a failure). `chance` is in
    [0, 1). The owner's `interval` goes before the plan, its bounds and the
    floors, but not before Retry-After or the skip lists.
    """
    match outcome:
        case Gone():
            return None
        case Failed():
            wait = _backoff(feed, subscription, chance, limits)
            if outcome.status in _TOO_MANY and not outcome.retry_after:
                # "Too often" without saying how often is right: at least half as often.
                wait = max(wait, 2 * _regular(feed, subscription, None, now, limits))
            asked = parse_retry_after(outcome.retry_after, now)
        case Fetched() | NotModified():
            asked = parse_retry_after(outcome.headers.get("retry-after"), now)
            if isinstance(parsed, Unreadable):
                wait = _backoff(feed, subscription, chance, limits)
            else:
                wait = _regular(feed, subscription, parsed, now, limits)
                if subscription.interval is None:
                    wait = min(_jittered(wait, chance), limits.max_interval)
                    ttl = parsed.ttl if parsed else feed.ttl
                    wait = max(wait, polite_floor(outcome.headers, ttl, now))
    due = max(now + wait, asked or now)
    known = parsed if isinstance(parsed, ParsedFeed) else feed
    return skip_until(known.skip_hours, known.skip_days, due)


def gaps_between(moments: Iterable[datetime]) -> tuple[float, ...]:
    """Return the seconds between the newest of `moments`, newest first, `RECENT_GAPS` at most.

    Posts of one moment (an import, a release in parts) are one post here.
    """
    newest = sorted(set(moments), reverse=True)[: RECENT_GAPS + 1]
    return tuple((later - sooner).total_seconds() for later, sooner in pairwise(newest))


def _regular(
    feed: Feed,
    subscription: Subscription,
    parsed: ParsedFeed | None,
    now: datetime,
    limits: PollLimits,
) -> timedelta:
    if subscription.interval is not None:
        return subscription.interval
    gaps, newest = feed.recent_gaps, feed.last_entry_at
    if parsed is not None:
        # A date in the future is a mistake or an announcement: no rhythm can be read from it.
        dates = [e.published_at for e in parsed.entries if e.published_at and e.published_at <= now]
        gaps = gaps_between(dates) or gaps
        newest = max([*dates, *([newest] if newest else [])], default=None)
    if not gaps:
        return _within(UNKNOWN_RHYTHM, limits)
    usual = timedelta(seconds=median(gaps[:RECENT_GAPS]))
    silence = now - newest if newest else timedelta(0)
    return _within(max(usual, silence) / ASKS_PER_GAP, limits)


def _backoff(
    feed: Feed, subscription: Subscription, chance: float, limits: PollLimits
) -> timedelta:
    """Return the wait after one more failure: doubles each time, up to `max_interval`."""
    first = subscription.interval or limits.min_interval
    ceiling = max(limits.max_interval, first)
    doublings = min(feed.failures, 30)  # even 1 s becomes years
    seconds = min(first.total_seconds() * 2.0**doublings, ceiling.total_seconds())
    wait = timedelta(seconds=seconds)
    return min(_jittered(wait, chance), ceiling)


def _jittered(wait: timedelta, chance: float) -> timedelta:
    return wait * (1 + JITTER * chance)


def _within(wait: timedelta, limits: PollLimits) -> timedelta:
    return max(limits.min_interval, min(wait, limits.max_interval))
