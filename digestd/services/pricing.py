"""The planner's one price: steered by each planned request, kept over restarts."""

from __future__ import annotations

from datetime import datetime

from digestd.clock import Clock
from digestd.core.forecast import mean_rate
from digestd.core.planner import Bounds, Price, calibrated, steer
from digestd.core.polling import PollLimits
from digestd.core.rhythm import Rhythm
from digestd.store import rhythms
from digestd.store.lanes import Store


class Pricing:
    """What a request must save at present, so that the budget is kept."""

    def __init__(
        self, store: Store, clock: Clock, *, budget: float, feeds: int, limits: PollLimits
    ) -> None:
        """`feeds` are those that the planner plans for; `budget` is in requests a feed and day."""
        self._limits = limits
        self._rates: list[float] = []  # of feeds that were met in this session
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

    def met(self, rhythm: Rhythm, now: datetime) -> None:
        """Take a feed's history into account, just fetched for the first time."""
        self._rates.append(mean_rate(rhythm, now.timestamp()))
        count = len(self._rates)
        if count & (count - 1) == 0 or count == self._feeds:  # 1, 2, 4, 8 … and all
            self._price = calibrated(
                self._price,
                self._rates,
                self._feeds,
                self._budget,
                Bounds(self._limits.min_interval, self._limits.max_interval),
                fairness=self._limits.fairness,
            )

    def asked(self, now: datetime) -> None:
        """Count one planned request."""
        self._price = steer(self._price, now, self._feeds, self._budget)

    async def save(self) -> None:
        """Store the price if it has changed; for the metronome, and at the end."""
        price = self._price
        if price is not self._kept:
            await self._store.write(rhythms.keep_price, price, self._budget)
            self._kept = price
