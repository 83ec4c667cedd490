"""The planner's one price: steered by each planned request, kept over restarts."""

from __future__ import annotations

from datetime import datetime

from digestd.clock import Clock
from digestd.core.planner import Price, steer
from digestd.store import rhythms
from digestd.store.db import Store


class Pricing:
    """What a request must save at present, so that the budget is kept."""

    def __init__(self, store: Store, clock: Clock, *, budget: float, feeds: int) -> None:
        """`feeds` are those that the planner plans for; `budget` is in requests a feed and day."""
        self._store = store
        self._clock = clock
        self._budget = budget
        self._feeds = feeds
        self._price = Price.first(budget, clock())
        self._kept: Price | None = None

    @property
    def value(self) -> float:
        """The price, in posts x days."""
        return self._price.value

    async def load(self) -> None:
        """Take up where the last run ended."""
        found = await self._store.read(rhythms.price)
        if found is not None:
            price, budget = found
            self._price = price.for_budget(budget, self._budget)
            self._kept = self._price

    def asked(self, now: datetime) -> None:
        """Count one planned request."""
        self._price = steer(self._price, now, self._feeds, self._budget)

    async def save(self) -> None:
        """Store the price if it has changed; for the metronome, and at the end."""
        price = self._price
        if price is not self._kept:
            await self._store.write(rhythms.keep_price, price, self._budget)
            self._kept = price
