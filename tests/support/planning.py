"""The planner behind the interface of a simulator. Imports nothing but the core."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from digestd.core.forecast import mean_rate
from digestd.core.planner import FAIRNESS, Bounds, Price, calibrated, next_poll_at, steer
from digestd.core.rhythm import Rhythm, Sighting, learn


class Planner:
    """The planner as a polling policy; one object plans all feeds.

    `feed` has `id`, `k` (entries that its document lists) and `mem` (a dict of the
    policy's own); `seen` has `first`, `published` (Unix seconds or None), `overflow`
    and `ttl` (seconds or None). `floors`: whether a declared ttl is obeyed, up to an hour.
    """

    def __init__(
        self, budget: float = 24.0, *, fairness: float = FAIRNESS, floors: bool = False
    ) -> None:
        self.budget, self.fairness, self.floors = budget, fairness, floors
        self.feeds: set[Any] = set()
        self.rates: list[float] = []
        self.price: Price | None = None
        self.chance = random.Random(1)

    def next_poll(self, feed: Any, now: float, seen: Any) -> float:
        at = datetime.fromtimestamp(now, UTC)
        self.feeds.add(feed.id)
        if self.price is None:
            self.price = Price.first(self.budget, at)
        elif not seen.first:
            self.price = steer(self.price, at, len(self.feeds), self.budget)
        dates = [None if t is None else datetime.fromtimestamp(t, UTC) for t in seen.published]
        rhythm = learn(feed.mem.get("rhythm", Rhythm()), Sighting(dates), at)
        if seen.first:
            self.rates.append(mean_rate(rhythm, now))
            self.price = calibrated(
                self.price, self.rates, len(self.feeds), self.budget, fairness=self.fairness
            )
        feed.mem["rhythm"] = rhythm
        floor = min(seen.ttl or 0, 3600) if self.floors else 0
        due = next_poll_at(
            rhythm,
            self.price.value,
            at,
            self.chance.random(),
            Bounds(floor=timedelta(seconds=floor), listed=feed.k),
            fairness=self.fairness,
            overflow=seen.overflow,
        )
        return due.timestamp()


class PlannerWithFloors(Planner):
    """The same, obeying a declared ttl of up to an hour."""

    def __init__(self, budget: float = 24.0) -> None:
        super().__init__(budget, floors=True)
