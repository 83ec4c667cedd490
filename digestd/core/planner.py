"""When to ask a feed again: where one more request saves the most waiting.

Every feed has an intensity: the posts that its rhythm lets expect at each moment.
What its unseen posts have waited since the last poll piles up; when that reaches a
price, the feed is asked. The price is one for the whole daemon and is steered so
that the budget of requests is kept. That is water-filling: at every moment one more
request would save as much here as anywhere (Sia, Cho and Cho, "Efficient Monitoring
Algorithm for Fast News Alerts", TKDE 2007; Azar et al., PNAS 2018).

The planner knows nothing of back-off, hosts and Retry-After: they stand above it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from digestd.core.forecast import Forecast, mean_rate, weekly_rates
from digestd.core.rhythm import DAY, HOUR, Rhythm
from digestd.frozen import dataclass, replace

# What a post of a rare feed is worth beside one of a busy feed: a poll must save
# price x rate ** FAIRNESS. 0: each post counts the same, so rare feeds wait long;
# 0.5: rare feeds wait about as long as with a fixed interval, busy ones gain less.
FAIRNESS: Final = 0.25
# A feed whose posts are pushed pays so many times the price: 20 times the interval.
PUSHED: Final = 400.0

_RAREST = 0.01  # posts a day; below it all feeds are equally rare
_FULL = 0.3  # of a document, expected to be new: ask before anything scrolls away
_FINE = 2 * HOUR  # so far ahead 5-minute slots are looked at, beyond it half hours
_JITTER = 0.03  # of the interval, from end to end
_CELL = 1800.0  # seconds: a half hour of the week
# What timers, gaps and bursts save beside a typical week (median over the traces).
_KNOWN_BETTER = 0.82


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the planner may choose from.

    `floor` is what the caching headers ask for; it goes before `max_interval`.
    `listed` is the number of entries in the document, 0 when not known.
    """

    min_interval: timedelta = timedelta(minutes=5)
    max_interval: timedelta = timedelta(hours=24)
    floor: timedelta = timedelta(0)
    listed: int = 0

    @property
    def shortest(self) -> float:
        """Return the least wait, in seconds."""
        return max(self.min_interval, self.floor).total_seconds()

    @property
    def longest(self) -> float:
        """Return the greatest wait, in seconds."""
        return max(self.shortest, self.max_interval.total_seconds())


def next_poll_at(
    rhythm: Rhythm,
    price: float,
    now: datetime,
    chance: float,
    bounds: Bounds = Bounds(),
    *,
    fairness: float = FAIRNESS,
    overflow: bool = False,
) -> datetime:
    """Return when to poll next a feed that was polled at `now`, in UTC.

    `rhythm` has learned from that poll. `price` is in posts x days (`Price.value`,
    times `PUSHED` under a live lease). `chance` in [0, 1) spreads feeds apart.
    `overflow`, when every listed entry was new, halves the wait.
    """
    start = now.timestamp()
    forecast = Forecast(rhythm, start)
    goal = price * _weight(forecast.rate, fairness)
    most = _FULL * bounds.listed if bounds.listed else math.inf
    shortest, longest = bounds.shortest, bounds.longest
    wait = _reach(forecast, longest, goal, most)
    wait *= (0.5 if overflow else 1.0) * (1 + _JITTER * (chance - 0.5))
    return datetime.fromtimestamp(start + min(max(wait, shortest), longest), UTC)


def expected_delay(
    rhythm: Rhythm,
    price: float,
    now: datetime,
    bounds: Bounds = Bounds(),
    *,
    fairness: float = FAIRNESS,
) -> timedelta:
    """Return how long a post of this feed will wait on average until a poll sees it.

    Reckoned over a typical week at the present price; an estimate for people.
    """
    at, cell = now.timestamp(), _CELL / DAY
    week = [rate * cell for rate in weekly_rates(rhythm, at)]
    goal = price / cell * _weight(mean_rate(rhythm, at), fairness)
    wait = _wait_in_cells(week, goal, bounds.shortest / _CELL, bounds.longest / _CELL)
    return timedelta(seconds=_KNOWN_BETTER * _CELL * wait)


def _wait_in_cells(week: Sequence[float], goal: float, shortest: float, longest: float) -> float:
    """Return how long a post waits on average where so many come in each cell of a week.

    Spans are in cells. There is a poll when what has come has waited `goal` in all.
    """
    posts = waited = 0.0  # finished intervals, and their waiting
    n = a = 0.0  # the same, of the interval under way
    since = 0
    # So many in one cell, and they are not kept waiting until its end.
    often = -1.0 if longest < 1 else 2 * goal if shortest < 1 else math.inf
    begun: list[tuple[float, float] | None] = [None] * len(week)  # where an interval does
    once = posts, waited
    # Twice: polls of up to a day reach over the end of the week.
    for i, come in enumerate((*week, *week), -len(week)):
        if i == 0:
            once = posts, waited
        if not since:
            before = begun[i]
            if before is not None:  # from here on all is as it was a week ago
                posts, waited = posts + once[0] - before[0], waited + once[1] - before[1]
                break
            begun[i] = posts, waited
            if come > often:
                posts += come
                waited += come * min(max(math.sqrt(2 * goal / come), shortest), longest) / 2
                continue
        a += n + come / 2
        n += come
        since += 1
        if (a >= goal and since >= shortest) or since >= longest:
            posts, waited = posts + n, waited + a
            n = a = 0.0
            since = 0
    return waited / posts if posts else a / n


def _weight(rate: float, fairness: float) -> float:
    return float(max(rate, _RAREST) ** fairness)


def _reach(forecast: Forecast, longest: float, goal: float, most: float) -> float:
    """Return the seconds after which waiting reaches `goal` or expected posts reach `most`.

    Posts expected so far, N, wait together: in a step of s days with l posts a
    day, waiting grows by N s + l s^2 / 2.
    """
    start = t = forecast.start
    posts = waited = 0.0
    for until, rate in forecast.ahead(longest, _FINE):
        step = (until - t) / DAY
        come = rate * step
        more = (posts + come / 2) * step
        if waited + more >= goal:
            root = math.sqrt(posts * posts + 2 * rate * max(0.0, goal - waited))
            return t + (root - posts) / rate * DAY - start
        if posts + come >= most:
            return t + max(0.0, most - posts) / rate * DAY - start
        waited += more
        posts += come
        t = until
    return longest


# --- the price -------------------------------------------------------------------------

_GAIN = 1.2  # a day of twice the budget raises the price 2 ** _GAIN times
_REPAY = 0.1  # what a debt of a day's budget adds to the logarithm that _GAIN multiplies
_DEBT_MEMORY = 20.0  # days
_DEBT_MOST = 3.0  # days of budget
_CHEAPEST, _DEAREST = 1e-9, 1e3
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Price:
    """What one request must save, in posts x days; shared by all feeds, kept with them.

    `requests` and `due` are the requests made and allowed of late (a memory of a
    day); `debt` is what was made too much, in requests, over weeks.
    """

    value: float
    at: datetime
    requests: float = 0.0
    due: float = 0.0
    debt: float = 0.0

    @classmethod
    def first(cls, budget: float, now: datetime) -> Price:
        """Return a price to begin with, from the budget in requests a feed and day.

        It suits a mixed lot of feeds; `steer` finds the right one within days.
        """
        return cls(first_price(budget), now)

    def for_budget(self, old: float, new: float) -> Price:
        """Return the price to begin with after the owner has changed the budget."""
        if old == new:
            return self
        value = self.value * (max(old, 0.01) / max(new, 0.01)) ** 2
        return Price(min(_DEAREST, max(_CHEAPEST, value)), self.at)


def first_price(budget: float) -> float:
    """Return what a request must save at about `budget` requests a feed and day."""
    return 0.09 / max(budget, 0.01) ** 2


def steer(price: Price, now: datetime, feeds: int, budget: float) -> Price:
    """Return the price after one more planned request at `now`.

    `feeds` is the number of feeds that the planner plans for; `budget` is in
    requests a feed and day. Time in which nothing was asked for long (the daemon
    was down) does not count: it is neither saved up nor made up for.
    """
    daily = max(feeds, 1) * max(budget, 0.01)
    idle = max(1 / 24, 3 / daily)  # days
    dt = min(max(0.0, (now - price.at).total_seconds() / DAY), idle)
    fade = math.exp(-dt)
    requests = price.requests * fade + 1
    due = price.due * fade + daily * (1 - fade)
    most = _DEBT_MOST * daily
    debt = price.debt * math.exp(-dt / _DEBT_MEMORY) + 1 - daily * dt
    debt = min(most, max(-most, debt))
    # One tenth of a request keeps the logarithm calm while there is little to go by.
    over = math.log(min(4.0, max(0.25, (requests + 0.1) / (due + 0.1)))) + _REPAY * debt / daily
    value = min(_DEAREST, max(_CHEAPEST, price.value * math.exp(_GAIN * over * dt)))
    return Price(value, max(now, price.at), requests, due, debt)


def calibrated(
    price: Price,
    rates: Sequence[float],
    feeds: int,
    budget: float,
    bounds: Bounds = Bounds(),
    *,
    fairness: float = FAIRNESS,
) -> Price:
    """Return a price that suits feeds with these posts a day, while there is no better knowledge.

    A lot of busy feeds would otherwise be asked ten times the budget on their first
    days, until `steer` has found their price. With half a day's experience it is left alone.
    """
    daily = max(feeds, 1) * max(budget, 0.01)
    if not rates or price.due > daily / 2:
        return price
    sample = rates[:: max(1, len(rates) // _SAMPLE)]
    # The wait of an even feed with so many posts a day, squared, for each unit of the price.
    spans = [2 * _weight(rate, fairness) / max(rate, 1e-6) for rate in sample]
    shortest, longest = bounds.shortest / DAY, bounds.longest / DAY
    low, high = math.log(_CHEAPEST), math.log(_DEAREST)
    for _ in range(40):
        middle = (low + high) / 2
        value = math.exp(middle)
        waits = (min(max(math.sqrt(value * span), shortest), longest) for span in spans)
        if sum(1 / wait for wait in waits) > budget * len(sample):
            low = middle
        else:
            high = middle
    return replace(price, value=math.exp(high))
