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
from collections.abc import Iterator, Sequence
from typing import Final

from digestd.core.rhythm import (
    DAY,
    DAYS,
    GAP_BOUNDS,
    HALF_HOURS,
    HOURS,
    MEMORIES,
    MONDAY,
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
_AGE_FROM, _AGE_UNTIL = -7.0, 3.0  # it changes between these alone
_YOUNGEST = 60.0  # seconds
_MONDAY = int(MONDAY // 1800)
_LEAST, _MOST = math.exp(-30.0), math.exp(12.0)  # of an intensity, in posts a day

# Shrinkage: pseudo-posts that follow the mean. A half hour of the week is shrunk to
# what its hour and its weekday say.
_FEW_HOURS, _FEW_DAYS, _FEW_HALF_HOURS, _FEW_SLOTS, _FEW_GAPS = 4.0, 5.0, 10.0, 30.0, 0.25
# Smoothing over neighbours: weight of the cell itself, of those one away, two away, …
_HOUR_KERNEL = (0.4, 0.2, 0.1)
_HALF_HOUR_KERNEL = (0.25, 0.2, 0.1, 0.075)
_AROUND = (*_HALF_HOUR_KERNEL[:0:-1], *_HALF_HOUR_KERNEL)
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
        self.start = now
        self._posted = rhythm.posted
        self._since = now if rhythm.since is None else rhythm.since
        # Most of a week is never looked at: what a cell says is found out when it is asked for.
        self._tables = tables = Tables.of(rhythm, now)
        self._hours, self._days = tables.hours(), tables.days()
        self._half_hours = tables.half_hours()
        self._hours_total = tables.long * sum(self._hours) + _FEW_HOURS
        self._days_total = tables.long * sum(self._days) + _FEW_DAYS
        self._seen = tables.middle * sum(self._half_hours)

    def ahead(self, span: float, fine: float) -> Iterator[tuple[float, float]]:
        """Yield the `span` seconds after `now` in steps: the end of each, and its intensity.

        Steps end with the 5-minute slots of the hour as far as `fine`, beyond that, where slots
        count no more, with the half hours.
        """
        t, end, fine = self.start, self.start + span, self.start + fine
        posted = self._since if self._posted is None else self._posted
        slots = self.slots()
        half_hour_ends, calendar = t, 1.0
        level, slope, changes = 1.0, 0.0, 0.0
        while t < end:
            if t >= half_hour_ends:
                half_hour = int(t // 1800)
                half_hour_ends = 1800.0 * (half_hour + 1)
                calendar = math.exp(self.calendar((half_hour - _MONDAY) % HALF_HOURS))
            until, slot = half_hour_ends, 1.0
            if t < fine:
                number = int(t // 300)
                until, slot = 300.0 * (number + 1), slots[number % SLOTS]
            if until > end:  # noqa: PLR1730 (a call would cost as much as all this)
                until = end
            age = (t + until) / 2 - posted
            if age >= changes or age < _YOUNGEST:
                age = max(age, _YOUNGEST)
                level, slope, changes = self._waiting(age)
            rate = calendar * level * age**slope
            if not _LEAST < rate < _MOST:
                rate = min(_MOST, max(_LEAST, rate))
            yield until, slot * rate
            t = until

    def calendar(self, half_hour: int) -> float:
        """Return ln of the factor of a half hour of the week, 0 = Monday 00:00 UTC."""
        day, hour = half_hour // 48, half_hour % 48 // 2
        # Observed over expected, shrunk by the pseudo-posts.
        long, middle = self._tables.long, self._tables.middle
        posts = long * HOURS * _near(self._hours, hour, _HOUR_KERNEL)
        of_hour = (posts + _FEW_HOURS) / self._hours_total
        of_day = (long * DAYS * self._days[day] + _FEW_DAYS) / self._days_total
        n, i, j = self._half_hours, half_hour, half_hour - HALF_HOURS
        k0, k1, k2, k3 = _HALF_HOUR_KERNEL
        near = k0 * n[i] + k1 * (n[i - 1] + n[j + 1])
        near += k2 * (n[i - 2] + n[j + 2]) + k3 * (n[i - 3] + n[j + 3])
        share = of_day * of_hour / HALF_HOURS
        few = _FEW_HALF_HOURS * share
        beyond = (middle * near + few) / (self._seen * share + few)
        return _HOUR * math.log(of_hour) + _DAY * math.log(of_day) + _HALF_HOUR * math.log(beyond)

    def week(self) -> list[float]:
        """Return the factor of every half hour of the week: e ** `calendar`, reckoned together."""
        long, middle, seen = self._tables.long, self._tables.middle, self._seen
        hours = [
            (long * HOURS * _near(self._hours, hour, _HOUR_KERNEL) + _FEW_HOURS) / self._hours_total
            for hour in range(HOURS)
        ]
        days = [(long * DAYS * n + _FEW_DAYS) / self._days_total for n in self._days]
        # What holds where there was no post near, which in most weeks is nearly everywhere.
        beyond = (_FEW_HALF_HOURS / (seen + _FEW_HALF_HOURS)) ** _HALF_HOUR
        by_hour = [beyond * of_hour**_HOUR for of_hour in hours for _ in range(2)]
        factors = [of_hour * of_day for of_day in (n**_DAY for n in days) for of_hour in by_hour]
        for i, near in _spread_out(self._half_hours).items():
            share = days[i // 48] * hours[i % 48 // 2] / HALF_HOURS
            few = _FEW_HALF_HOURS * share
            factors[i] *= ((middle * near + few) / (seen * share + few)) ** _HALF_HOUR / beyond
        return factors

    def slots(self) -> list[float]:
        """Return the factors of the 5-minute slots of the hour."""
        counts, short = self._tables.slots(), self._tables.short
        total = short * sum(counts) + _FEW_SLOTS
        none = (_FEW_SLOTS / total) ** _SLOT
        return [((SLOTS * short * n + _FEW_SLOTS) / total) ** _SLOT if n else none for n in counts]

    def _waiting(self, age: float) -> tuple[float, float, float]:
        """Return the level for an age of the last post: (level, slope, for ages below).

        There it is level x age ** slope: ln of it is made of straight lines over ln of the
        age, and of steps, one for each class of gap.
        """
        g = math.log(age) + self._ln_per_second
        slope, rises, falls = _AGE
        rise, fall = _AGE_BENDS
        until = math.inf
        level = self._level
        if g < _AGE_FROM:
            level, slope, until = level + slope * _AGE_FROM, 0.0, _AGE_FROM
        elif g < rise:
            until = rise
        elif g < fall:
            level, slope, until = level - rises * rise, slope + rises, fall
        else:
            level -= rises * rise + falls * fall
            slope += rises + falls
            if g < _AGE_UNTIL:
                until = _AGE_UNTIL
            else:
                level, slope = level + slope * _AGE_UNTIL, 0.0
        level += slope * self._ln_per_second
        changes = math.exp(until - self._ln_per_second)
        if self._posted is not None:
            kind = gap_class(age)
            level += self._gap(kind)
            changes = min(changes, GAP_BOUNDS[kind + 1])
        return math.exp(level), slope, changes

    def _gap(self, kind: int) -> float:
        """Return ln of the factor of a class of gap: does this feed post after so long?"""
        ended, waited = self._tables.gaps_ended(), self._tables.days_waited()
        long = self._tables.long
        rate = (long * sum(ended) + 0.2) / (long * sum(waited) + 2)
        edge = (0.0, 0.0)  # the longest gaps are no neighbours of the shortest
        posts = long * _near(ended + edge, kind, _GAP_KERNEL)
        days = long * _near(waited + edge, kind, _GAP_KERNEL)
        return _GAP * math.log((posts + _FEW_GAPS) / (days * rate + _FEW_GAPS))


def mean_rate(rhythm: Rhythm, now: float) -> float:
    """Return the posts a day, of the last month or so."""
    return math.exp(_log_rates(rhythm, now)[1])


def weekly_rates(rhythm: Rhythm, now: float) -> list[float]:
    """Return the posts a day in each half hour of a typical week, Monday 00:00 UTC first."""
    forecast = Forecast(rhythm, now)
    factors = forecast.week()
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


def _spread_out(half_hours: Sequence[float]) -> dict[int, float]:
    """Return the count of each half hour of the week near a post, as `_near` would."""
    found: dict[int, float] = {}
    for i, count in enumerate(half_hours):
        if count:
            for at, weight in enumerate(_AROUND, i - len(_HALF_HOUR_KERNEL) + 1):
                near = at % HALF_HOURS
                found[near] = found.get(near, 0.0) + weight * count
    return found
