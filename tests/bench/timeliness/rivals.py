"""What others do, and what nobody can do better."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tests.bench.timeliness.replay import DAY, HOUR, MINUTE, WEEK, Source, make_feed


class Fixed:
    """Each feed at one interval: most readers; FreshRSS with 60 minutes."""

    def __init__(self, interval: float) -> None:
        self.interval = interval

    def next_poll(self, feed: Any, now: float, seen: Any) -> float:
        return now + self.interval


class RoundRobin:
    """Miniflux 2, the default scheduler, as shipped: a 60-minute timer over 60-minute waits.

    A check ends some seconds after its tick, so the next tick finds it not yet due.
    """

    tick = HOUR

    def next_poll(self, feed: Any, now: float, seen: Any) -> float:
        return now + 3 + HOUR


class EntryFrequency:
    """Miniflux 2, `entry_frequency`: a week over the week's posts, 5 minutes to a day.

    The week's posts are reckoned from the mean gap of those stored before this fetch.
    """

    def __init__(self, tick: int = HOUR) -> None:
        self.tick = tick

    def next_poll(self, feed: Any, now: float, seen: Any) -> float:
        found = [now if t is None else t for t in seen.published]
        stored = feed.mem.get("stored", []) + (found if seen.first else [])
        stored = [t for t in stored if t >= now - WEEK]
        feed.mem["stored"] = stored if seen.first else stored + found
        span = max(stored) - min(stored) if len(stored) > 1 else 0
        if span <= 0:
            return now + 3 + DAY
        count = math.ceil(WEEK * (len(stored) - 1) / span)
        return now + 3 + min(max(WEEK / count, 5 * MINUTE), DAY)


def clairvoyant(sources: Sequence[Source], days: int, budget: float) -> tuple[float, float]:
    """Return the least mean delay in minutes, all times known, and the requests that need none.

    Each poll serves a run of posts at the time of its last one; runs are merged, the
    cheapest merger first, until the budget is kept.
    """
    runs: list[list[int]] = []  # [posts, time of the last one, next run or -1, previous, version]
    for i, source in enumerate(sources):
        feed = make_feed(i, source, days)
        inside = feed.posts[
            bisect_right(feed.posts, feed.start) : bisect_right(feed.posts, feed.end)
        ]
        for j, post in enumerate(inside):
            at = len(runs)
            runs.append([1, post, at + 1 if j + 1 < len(inside) else -1, at - 1 if j else -1, 0])
    total, polls = len(runs), len(runs)
    allowed = int(budget * days * len(sources))

    def offer(i: int) -> tuple[int, int, int, int]:
        later = runs[runs[i][2]]
        return runs[i][0] * (later[1] - runs[i][1]), i, runs[i][4], runs[i][2]

    queue = [offer(i) for i, run in enumerate(runs) if run[2] >= 0]
    heapq.heapify(queue)
    waited = 0
    while polls > allowed and queue:
        cost, i, version, j = heapq.heappop(queue)
        run = runs[i]
        if run[4] != version or run[2] != j:
            continue
        waited, polls = waited + cost, polls - 1
        later = runs[j]
        later[0] += run[0]
        later[3] = run[3]
        later[4] += 1
        run[2], run[4] = -1, run[4] + 1
        if later[3] >= 0:
            runs[later[3]][2] = j
            heapq.heappush(queue, offer(later[3]))
        if later[2] >= 0:
            heapq.heappush(queue, offer(j))
    return waited / max(total, 1) / MINUTE, total / days / len(sources)
