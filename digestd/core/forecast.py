"""The posts that a feed's rhythm lets expect: how many a day, at any moment ahead.

A log-linear intensity: rates over six memories, each shrunk to the next slower one;
hour of the day, weekday, half hour of the week beyond those, and 5-minute slot of the
hour (timers); the age of the last post, in mean gaps and against the feed's own gaps.

The coefficients come from a Poisson regression on the posting histories in
`tests/data/traces`, cross-validated over repositories: features were kept where they
raised the likelihood of histories that the fit had not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from digestd.core.rhythm import (
    DAY,
    DAYS,
    GAP_BOUNDS,
    HALF_HOURS,
    HOURS,
    MEMORIES,
    SLOTS,
    Rhythm,
    Tables,
    gap_class,
)

PRIOR_RATE: Final = 0.1  # posts a day of a feed that nothing is known of

_ONE = -1.439
# ln of the rate over the longest memory, then ln of each rate over the next slower one.
_RATES = (0.977, 0.537, 0.658, 0.430, -0.227, 0.593)
_HOUR, _DAY, _HALF_HOUR, _SLOT, _GAP = 1.056, 0.630, 0.275, 1.123, 0.510
# By ln of the age of the last post in mean gaps: it falls after a burst, rises to the
# mean gap, and falls again when a feed seems to have stopped. (slope, changes of it)
_AGE = (-0.253, 0.541, -0.910)
_AGE_BENDS = (-3.0, 1.0)

# Shrinkage: pseudo-posts that follow the mean. A half hour of the week is shrunk to
# what its hour and its weekday say.
_FEW_HOURS, _FEW_DAYS, _FEW_HALF_HOURS, _FEW_SLOTS, _FEW_GAPS = 4.0, 5.0, 10.0, 30.0, 0.25
# Smoothing over neighbours: weight of the cell itself, of those one away, two away, …
_HOUR_KERNEL = (0.4, 0.2, 0.1)
_HALF_HOUR_KERNEL = (0.25, 0.2, 0.1, 0.075)
_GAP_KERNEL = (0.4, 0.2, 0.1)


class Forecast:
    """What a rhythm says at `now` of the time after it.

    The intensity at t, in posts a day, is exp(calendar + waiting) x slot.
    """

    def __init__(self, rhythm: Rhythm, now: float) -> None:
        logs = _log_rates(rhythm, now)
        self.rate = math.exp(logs[1])  # posts a day, of the last month or so
        level = _ONE + _RATES[0] * logs[0]
        for b, faster, slower in zip(_RATES[1:], logs[1:], logs, strict=False):
            level += b * (faster - slower)
        self._level = level
        self._ln_per_second = logs[1] - math.log(DAY)
        self._posted = rhythm.posted
        self._since = now if rhythm.since is None else rhythm.since
        # Most of a week is never looked at: what a cell says is found out when it is asked for.
        self._tables = tables = Tables.of(rhythm, now)
        self._hours, self._days = tables.hours(), tables.days()
        self._hours_total = sum(self._hours) + _FEW_HOURS
        self._days_total = sum(self._days) + _FEW_DAYS
        self._half_hours = tables.half_hours()
        self._worth = tables.middle
        self._seen = sum(self._half_hours) * tables.middle
        self._gap = self._gap_from = self._gap_until = 0.0  # the class of gap looked at last

    def calendar(self, half_hour: int) -> float:
        """Return ln of the factor of a half hour of the week, 0 = Monday 00:00 UTC."""
        day, hour = half_hour // 48, half_hour % 48 // 2
        # Observed over expected, shrunk by the pseudo-posts.
        of_hour = (HOURS * _near(self._hours, hour, _HOUR_KERNEL) + _FEW_HOURS) / self._hours_total
        of_day = (DAYS * self._days[day] + _FEW_DAYS) / self._days_total
        n, i, j = self._half_hours, half_hour, half_hour - HALF_HOURS
        k0, k1, k2, k3 = _HALF_HOUR_KERNEL
        near = k0 * n[i] + k1 * (n[i - 1] + n[j + 1])
        near += k2 * (n[i - 2] + n[j + 2]) + k3 * (n[i - 3] + n[j + 3])
        share = of_day * of_hour / HALF_HOURS
        few = _FEW_HALF_HOURS * share
        beyond = (self._worth * near + few) / (self._seen * share + few)
        return _HOUR * math.log(of_hour) + _DAY * math.log(of_day) + _HALF_HOUR * math.log(beyond)

    def slots(self) -> list[float]:
        """Return the factors of the 5-minute slots of the hour."""
        counts = self._tables.slots()
        total = sum(counts) + _FEW_SLOTS
        return [float(((SLOTS * n + _FEW_SLOTS) / total) ** _SLOT) for n in counts]

    def waiting(self, at: float) -> float:
        """Return ln of the level, given how long ago the last post was at `at`."""
        posted = self._posted
        age = max(60.0, at - (self._since if posted is None else posted))
        g = min(3.0, max(-7.0, math.log(age) + self._ln_per_second))
        slope, rises, falls = _AGE
        rise, fall = _AGE_BENDS
        level = self._level + slope * g
        if g > rise:
            level += rises * (g - rise)
        if g > fall:
            level += falls * (g - fall)
        if posted is None:
            return level
        if not self._gap_from <= age < self._gap_until:
            self._enter_gap(gap_class(age))
        return level + self._gap

    def _enter_gap(self, kind: int) -> None:
        """Find ln of the factor of a class of gap: does this feed post after so long?"""
        ended, waited = self._tables.gaps_ended(), self._tables.days_waited()
        rate = (sum(ended) + 0.2) / (sum(waited) + 2)
        edge = [0.0, 0.0]  # the longest gaps are no neighbours of the shortest
        posts = _near(ended + edge, kind, _GAP_KERNEL)
        days = _near(waited + edge, kind, _GAP_KERNEL)
        self._gap = _GAP * math.log((posts + _FEW_GAPS) / (days * rate + _FEW_GAPS))
        self._gap_from, self._gap_until = GAP_BOUNDS[kind], GAP_BOUNDS[kind + 1]


def mean_rate(rhythm: Rhythm, now: float) -> float:
    """Return the posts a day, of the last month or so."""
    return math.exp(_log_rates(rhythm, now)[1])


def weekly_rates(rhythm: Rhythm, now: float) -> list[float]:
    """Return the posts a day in each half hour of a typical week, Monday 00:00 UTC first."""
    forecast = Forecast(rhythm, now)
    factors = [math.exp(forecast.calendar(i)) for i in range(HALF_HOURS)]
    scale = forecast.rate * HALF_HOURS / sum(factors)
    return [scale * x for x in factors]


def _log_rates(rhythm: Rhythm, now: float) -> list[float]:
    """Return ln of posts a day over each memory (Gamma-Poisson, shrunk to the slower one)."""
    known = max(0.0, now - rhythm.since) if rhythm.since is not None else 0.0
    idle = max(0.0, now - rhythm.polled) if rhythm.polled is not None else 0.0
    rate, logs = PRIOR_RATE, []
    for total, memory in zip(rhythm.sums, MEMORIES, strict=True):
        days = memory / DAY * -math.expm1(-known / memory)
        rate = (total * math.exp(-idle / memory) + 1) / (days + 1 / rate)
        logs.append(math.log(rate))
    return logs


def _near(counts: Sequence[float], at: int, kernel: tuple[float, float, float]) -> float:
    """Return a cell's count, spread over neighbours on a circle."""
    k0, k1, k2 = kernel
    n, i, j = counts, at, at - len(counts)
    return k0 * n[i] + k1 * (n[i - 1] + n[j + 1]) + k2 * (n[i - 2] + n[j + 2])
