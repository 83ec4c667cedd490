"""Posting histories replayed against a polling policy: how late is each post seen?

Everything drawn at random is drawn from a source's name, so a table is the same on
every machine. A source becomes a feed so:

- a window is cut from its history with at least ten earlier posts; it may reach past
  the end by half its length, so some feeds fall silent. It is moved by whole weeks:
  all feeds live at the same time and keep their hours and weekdays;
- its document lists 10 to 50 entries; a poll that finds more new ones loses the rest;
- 80 % of feeds date their entries, 5 % give the day only, 15 % give no date;
- 45 % declare a ttl, from five minutes to a day.

Delay: from publication to the poll that finds the post (or the end of the window).
"""

from __future__ import annotations

import heapq
import json
import math
import random
import statistics
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
BEGIN = 1704067200  # Monday 2024-01-01 00:00 UTC
TRACES = Path(__file__).parents[2] / "data" / "traces" / "public.jsonl"


@dataclass(frozen=True)
class Source:
    name: str
    posts: tuple[int, ...]  # Unix seconds, ascending


@dataclass
class Seen:
    """What one poll shows to the policy."""

    first: bool
    published: Sequence[float | None]
    overflow: bool
    ttl: int | None


@dataclass
class Feed:
    """A source as the policy meets it; of this, it may look at `id`, `k` and `mem` alone."""

    id: int
    k: int
    posts: list[int]
    start: int
    end: int
    dates: str
    ttl: int | None
    mem: dict[str, Any] = field(default_factory=dict)
    polls: int = 0
    lost: int = 0
    delays: list[float] = field(default_factory=list)

    def date_of(self, post: int) -> float | None:
        if self.dates == "none":
            return None
        return post - post % DAY if self.dates == "day" else post


class Policy(Protocol):
    def next_poll(self, feed: Any, now: float, seen: Any) -> float: ...


def load(path: Path = TRACES) -> list[Source]:
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return [Source(r["name"], tuple(accumulate(r["gaps"], initial=r["first"]))) for r in rows]


def make_feed(number: int, source: Source, days: int) -> Feed:
    draw = random.Random(source.name)
    posts = source.posts
    earliest = posts[min(10, len(posts) // 3)]
    start = draw.randint(earliest, max(earliest, posts[-1] - days * DAY // 2))
    moved = BEGIN + (start - BEGIN) % WEEK - start
    return Feed(
        id=number,
        k=draw.choice((10, 15, 20, 25, 50)),
        posts=[p + moved for p in posts],
        start=start + moved,
        end=start + moved + days * DAY,
        dates=draw.choices(("full", "day", "none"), (80, 5, 15))[0],
        ttl=draw.choice((5, 10, 15, 30, 60, 1440)) * MINUTE if draw.random() < 0.45 else None,
    )


def replay(sources: Sequence[Source], policy: Policy, days: int) -> list[Feed]:
    """Return the feeds with the delays that `policy` leaves them.

    A policy with a `tick` polls only on that grid of seconds, as a batch timer does.
    """
    feeds = [make_feed(i, s, days) for i, s in enumerate(sources)]
    tick = getattr(policy, "tick", 0)
    queue = [(float(f.start), f.id) for f in feeds]
    heapq.heapify(queue)
    while queue:
        now, number = heapq.heappop(queue)
        feed = feeds[number]
        due = max(policy.next_poll(feed, now, _poll(feed, now)), now + MINUTE)
        if tick:
            due = BEGIN + -((BEGIN - due) // tick) * tick
        if due < feed.end:
            heapq.heappush(queue, (due, number))
        else:
            _poll(feed, feed.end)
            feed.polls -= 1  # that one is only the end of the account
    return feeds


def _poll(feed: Feed, now: float) -> Seen:
    until = bisect_right(feed.posts, now)
    if "known" not in feed.mem:
        feed.mem["known"] = until
        old = feed.posts[max(0, until - feed.k) : until]
        return Seen(True, [feed.date_of(p) for p in old], False, feed.ttl)
    new = feed.posts[feed.mem["known"] : until]
    feed.mem["known"] = until
    feed.polls += 1
    feed.delays += [now - p for p in new]
    feed.lost += max(0, len(new) - feed.k)
    return Seen(False, [feed.date_of(p) for p in new[-feed.k :]], len(new) >= feed.k, feed.ttl)


# --- what is said of it ----------------------------------------------------------------

COLUMNS = (
    "requests",
    "mean of posts",
    "median",
    "p90",
    "mean, <= 20 a day",
    "mean of feeds",
    "rare",
    "weekly",
    "daily",
    "busy",
    "lost",
)
CLASSES = ((0.0, 0.1), (0.1, 0.5), (0.5, 3.0), (3.0, 1e9))  # posts a day


def summary(feeds: Sequence[Feed], days: int) -> list[float]:
    """Return the figures of COLUMNS: requests a feed and day, then minutes, then posts."""

    def mean(rates: tuple[float, float]) -> float:
        lo, hi = rates
        chosen = [d for f in feeds if lo <= len(f.delays) / days < hi for d in f.delays]
        return statistics.fmean(chosen) / MINUTE if chosen else math.nan

    every = sorted(d / MINUTE for f in feeds for d in f.delays)
    return [
        sum(f.polls for f in feeds) / days / len(feeds),
        statistics.fmean(every),
        statistics.median(every),
        every[int(0.9 * len(every))],
        mean((0.0, 20.0)),
        statistics.fmean(statistics.fmean(f.delays) for f in feeds if f.delays) / MINUTE,
        *map(mean, CLASSES),
        sum(f.lost for f in feeds),
    ]
