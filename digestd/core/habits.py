"""A feed's rhythm for people: "weekdays around 09:00, about 3 a week"."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from operator import add
from typing import Final, Literal

from digestd.core.forecast import mean_rate
from digestd.core.rhythm import Rhythm, Tables
from digestd.frozen import dataclass

Hours = Literal["around", "between", "any"]

WEEKDAYS: Final = frozenset(range(5))
WEEKEND: Final = frozenset((5, 6))
EVERY_DAY: Final = frozenset(range(7))

_ENOUGH = 6.0  # posts, the older ones counting less: below it no habit is claimed
_NARROW, _NARROW_SHARE = 6, 0.6  # half hours; the share of posts that makes "around"
_WIDE, _WIDE_SHARE = 20, 0.8  # the same for "between … and …"
_QUIET = 5.0  # mean gaps without a post
_DAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Habits:
    """When a feed usually posts, on the clocks of one zone; empty where nothing is known.

    `days` are weekdays, Monday is 0; all seven when no day stands out. `hours` says
    how to read `start` and `end`: around `start`, between both, or neither.
    `quiet_for` is set when a feed has been silent far longer than is usual for it.
    """

    per_week: float | None = None
    days: frozenset[int] = EVERY_DAY
    hours: Hours = "any"
    start: time | None = None
    end: time | None = None
    quiet_for: timedelta | None = None

    def __str__(self) -> str:
        """Return the habits in English, one line."""
        if self.per_week is None:
            return "not known yet"
        when = " ".join(x for x in (_say_days(self), _say_hours(self)) if x)
        said = f"{when}, {_say_often(self.per_week)}" if when else _say_often(self.per_week)
        return said if self.quiet_for is None else f"{said}; quiet for {_say_span(self.quiet_for)}"


def describe_rhythm(rhythm: Rhythm, zone: tzinfo, now: datetime) -> Habits:
    """Return what is worth saying about a rhythm, on the clocks of `zone` as they are at `now`."""
    at = now.timestamp()
    if rhythm.posted is None:
        return Habits()
    rate = mean_rate(rhythm, at)  # posts a day
    silence = timedelta(seconds=max(0.0, at - rhythm.posted))
    gap = timedelta(days=1 / max(rate, 1e-3))
    quiet = silence if silence > max(_QUIET * gap, timedelta(days=3)) else None
    tables = Tables.of(rhythm, at)
    offset = zone.utcoffset(now.astimezone(zone)) or timedelta(0)
    week = [tables.middle * n for n in tables.half_hours()]
    week = _turned(week, round(offset / timedelta(minutes=30)))
    days = EVERY_DAY
    if sum(week) >= _ENOUGH:
        days = _usual_days(list(map(sum, _in_days(week))))
    elif sum(by_day := [tables.long * n for n in tables.days()]) >= _ENOUGH:
        days = _usual_days(by_day)  # the day is known, the hour is not
    hours, start, end = _usual_hours(list(map(sum, zip(*_in_days(week), strict=True))))
    return Habits(7 * rate, days, hours, start, end, quiet)


def _in_days(week: list[float]) -> list[list[float]]:
    return [week[first : first + 48] for first in range(0, len(week), 48)]


def _turned(cells: list[float], by: int) -> list[float]:
    by %= len(cells)
    return cells[-by:] + cells[:-by] if by else cells


def _usual_days(counts: list[float]) -> frozenset[int]:
    """Return the days that hold nearly all posts, if they are a set that has a name."""
    total = sum(counts)
    best = max(range(7), key=counts.__getitem__)
    if counts[best] >= 0.7 * total:
        return frozenset((best,))
    weekend = (counts[5] + counts[6]) / total
    if weekend <= 0.1:
        busy = frozenset(d for d in range(5) if counts[d] >= 0.2 * total)
        two = len(busy) == 2 and sum(counts[d] for d in busy) >= 0.85 * total
        return busy if two else WEEKDAYS
    return WEEKEND if weekend >= 0.8 else EVERY_DAY


def _usual_hours(counts: list[float]) -> tuple[Hours, time | None, time | None]:
    """Return the shortest part of the day that holds most posts; `counts` by half hour."""
    total = sum(counts)
    if total < _ENOUGH:
        return "any", None, None
    window = _window(counts, _NARROW, _NARROW_SHARE * total)
    if window is not None:
        first, size = window
        inside = [(i + 0.5) * counts[(first + i) % 48] for i in range(size)]
        held = sum(counts[(first + i) % 48] for i in range(size))
        return "around", _clock(first + int(sum(inside) / held)), None
    window = _window(counts, _WIDE, _WIDE_SHARE * total)
    if window is not None:
        return "between", _clock(window[0]), _clock(sum(window))
    return "any", None, None


def _window(counts: list[float], longest: int, least: float) -> tuple[int, int] | None:
    """Return start and size of the shortest stretch on the circle that holds `least`."""
    sums, around = [0.0] * len(counts), counts * 2
    for size in range(1, longest + 1):
        sums = list(map(add, sums, around[size - 1 :]))
        most = max(sums)
        if most >= least:
            return sums.index(most), size
    return None


def _clock(half_hour: int) -> time:
    return time(half_hour % 48 // 2, half_hour % 2 * 30)


# --- in English ------------------------------------------------------------------------


def _say_days(habits: Habits) -> str:
    if habits.days == EVERY_DAY:
        return "" if habits.hours == "any" else "daily" if _is_daily(habits) else "any day"
    if habits.days == WEEKDAYS:
        return "weekdays"
    if habits.days == WEEKEND:
        return "weekends"
    return " and ".join(_DAY_NAMES[d] for d in sorted(habits.days))


def _is_daily(habits: Habits) -> bool:
    return habits.per_week is not None and habits.per_week >= 5


def _say_hours(habits: Habits) -> str:
    if habits.start is None:
        return ""
    if habits.end is None:
        return f"around {habits.start:%H:%M}"
    return f"between {habits.start:%H:%M} and {habits.end:%H:%M}"


def _say_often(per_week: float) -> str:
    for unit, count in (("day", per_week / 7), ("week", per_week), ("month", per_week * 30.44 / 7)):
        if count >= (1.5 if unit == "day" else 0.85):
            return _say_count(round(count), unit)
    return _say_count(max(1, round(per_week * 365.25 / 7)), "year")


def _say_count(count: int, unit: str) -> str:
    return f"about once a {unit}" if count <= 1 else f"about {count} a {unit}"


def _say_span(span: timedelta) -> str:
    for unit, days in (("year", 365.25), ("month", 30.44), ("week", 7.0)):
        count = int(span.days / days)
        if count >= 2:
            return f"{count} {unit}s"
    return f"{span.days} days"
