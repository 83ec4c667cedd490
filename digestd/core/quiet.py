"""Quiet hours: when a channel's alerts wait, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from digestd.frozen import dataclass

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
# Spans that touch are one silence; one of a week never ends.
_LONGEST = timedelta(days=8)
_EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end` by the clock, on these days (Monday is 0), those on which it begins.

    It ends on the next day unless `end` is later in the day than `start`.
    """

    start: time
    end: time
    days: frozenset[int] = _EVERY_DAY

    def __str__(self) -> str:
        """Return it as one would write it."""
        days = ",".join(_WEEKDAYS[day] for day in sorted(self.days))
        hours = f"{self.start:%H:%M}-{self.end:%H:%M}" if self.start != self.end else ""
        return " ".join(filter(None, (days if self.days != _EVERY_DAY else "", hours)))

    def around(self, moment: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield its beginnings and ends near `moment`, in UTC."""
        today = moment.astimezone(zone).date()
        for day in (today - _DAY, today, today + _DAY):
            if day.weekday() in self.days:
                last = day if self.end > self.start else day + _DAY
                yield _instant(day, self.start, zone), _instant(last, self.end, zone)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What `quiet` says. Without spans it is never quiet."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Quiet:
        """Read "22:30-07:00", "sat-sun", "mon-fri 12:00-13:00". Raises ValueError."""
        quiet = cls(tuple(_parse(text) for text in texts))
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        if quiet.spans and quiet.until(moment + _DAY, UTC) is None:
            raise ValueError("is always quiet: nothing would ever be said")
        return quiet

    def until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return when the silence around `moment` ends; `moment` itself if it is not quiet.

        None if it never ends.
        """
        end = moment
        while end - moment < _LONGEST:
            later = max(
                (
                    finish
                    for span in self.spans
                    for start, finish in span.around(end, zone)
                    if start <= end < finish
                ),
                default=end,
            )
            if later == end:
                return end
            end = later
        return None


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _parse(text: str) -> Span:
    words = text.casefold().split()
    clock = next((word for word in words if ":" in word), None)
    days = [word for word in words if word is not clock]
    if not words or len(words) > 2 or len(days) > 1:
        raise ValueError(f'"{text}" is no quiet time; write "22:30-07:00" or "sat-sun"')
    weekdays = _parse_days(days[0], text) if days else _EVERY_DAY
    if clock is None:
        return Span(time(), time(), weekdays)
    parts = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", clock)
    if parts is None:
        raise ValueError(f'"{text}": "{clock}" is no span of time; write "22:30-07:00"')
    hours = [int(part) for part in parts.groups()]
    if hours[2:] == [24, 0]:
        hours[2] = 0
    try:
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    except ValueError:
        raise ValueError(f'"{text}": there is no such time of day') from None
    if start == end and start != time():
        raise ValueError(f'"{text}" begins when it ends; a whole day needs no time')
    return Span(start, end, weekdays)


def _parse_days(words: str, text: str) -> frozenset[int]:
    found: set[int] = set()
    for word in words.split(","):
        first, dash, last = word.partition("-")
        for name in (first, last) if dash else (first,):
            if name not in _WEEKDAYS:
                raise ValueError(f'"{text}": "{name}" is no day; days are {" ".join(_WEEKDAYS)}')
        start = _WEEKDAYS.index(first)
        span = (_WEEKDAYS.index(last) - start) % 7 if dash else 0
        found.update((start + step) % 7 for step in range(span + 1))
    return frozenset(found)
