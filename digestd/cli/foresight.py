"""What the planner has learned of each feed, for `feeds`: its rhythm, and how late it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from digestd.cli.show import brief
from digestd.config import Config
from digestd.core.freshness import HIGHEST_FLOOR
from digestd.core.habits import describe_rhythm
from digestd.core.latency import Latency, Quantiles, latency
from digestd.core.models import Feed, Subscription
from digestd.core.planner import Bounds, Price, expected_delay
from digestd.core.rhythm import Rhythm, caught_up
from digestd.frozen import dataclass
from digestd.store import hubs, passages, rhythms
from digestd.store.db import Database

# What the measured figures are of.
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Foresight:
    """Everything that what is said of one feed is reckoned from."""

    config: Config
    now: datetime
    price: float
    latency: Mapping[int, Latency]
    trouble: Mapping[int, str]  # why a hub that a feed names does not tell of it
    told: Mapping[int, bool]  # by a hub under a live lease; True: it has proved itself

    def of(self, feed: Feed, subscription: Subscription) -> dict[str, Any]:
        """Return the keys of a feed's record: those with "_" for people, the rest for programs.

        `feed` has its rhythm with it.
        """
        rhythm = caught_up(feed.rhythm, feed.last_ok_at)
        habits = describe_rhythm(rhythm, self.config.timezone, self.now)
        pushed = feed.pk in self.told
        figures = self.latency.get(feed.pk, Latency())
        wait = None if feed.gone_at else self._wait(feed, subscription, rhythm)
        return {
            "rhythm": str(habits),
            "push": pushed,
            "push_trouble": None if pushed else self.trouble.get(feed.pk),
            "published_to_seen": quantiles(figures.seen),
            "seen_to_accepted": quantiles(figures.accepted),
            "expected_delay": None if wait is None else round(wait.total_seconds(), 1),
            "_delay": _in_words(wait),
            "_push": "push" if pushed else "poll",
        }

    def _wait(self, feed: Feed, subscription: Subscription, rhythm: Rhythm) -> timedelta:
        if self.told.get(feed.pk):
            return timedelta(seconds=1)
        if subscription.interval is not None:
            return subscription.interval / 2
        limits = self.config.poll.limits
        floor = min(feed.ttl or timedelta(0), HIGHEST_FLOOR)
        bounds = Bounds(limits.min_interval, limits.max_interval, floor, feed.listed)
        return expected_delay(rhythm, self.price, self.now, bounds, fairness=limits.fairness)


def _in_words(wait: timedelta | None) -> str | None:
    return None if wait is None else f"about {brief(wait.total_seconds())}"


def quantiles(found: Quantiles | None) -> dict[str, float] | None:
    """Return figures as programs read them, in seconds."""
    if found is None:
        return None
    median, p90 = (round(x.total_seconds(), 3) for x in (found.median, found.p90))
    return {"posts": found.count, "median": median, "p90": p90}


def foresight(config: Config, db: Database, now: datetime) -> Foresight:
    """Read what is known from the store."""
    budget = config.poll.requests_per_feed_per_day
    kept = rhythms.price(db)
    price = Price.first(budget, now) if kept is None else kept[0].for_budget(kept[1], budget)
    _, figures = latency(passages.since(db, now - LATELY))
    return Foresight(
        config,
        now,
        price.value,
        figures,
        {one.feed_pk: one.reason for one in hubs.standings(db) if one.reason},
        hubs.told(db, now),
    )
