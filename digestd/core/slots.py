"""When digests are due: the only arithmetic on wall clocks.

A schedule is what `when` says. Its slots are instants in UTC, each under a key
that is unique per digest: the local date-time, or the UTC hour for `hourly`.
A local time that the clock skips is due when the old offset would have reached
it, one that occurs twice is due once, the first time (PEP 495, fold=0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from digestd.frozen import dataclass

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LAST_DAY = 0  # among days of the month, which are 1..31
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
# No local date-time near the ends of the calendar may overflow on its way to UTC.
_EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
_LATEST = datetime(9999, 12, 29, tzinfo=UTC)
# The rarest rule is "31st": never more than 62 days apart.
_HORIZON = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Rule:
    """A time of day and the days on which it counts; without days, every day."""

    at: time
    weekdays: frozenset[int] = frozenset()  # Monday is 0
    monthdays: frozenset[int] = frozenset()  # 1..31; 0 is the last day of a month

    def falls_on(self, day: date) -> bool:
        """Say whether this rule counts on `day`. A month without a 31st has no slot for it."""
        if self.weekdays:
            return day.weekday() in self.weekdays
        if self.monthdays:
            is_last = _LAST_DAY in self.monthdays and (day + _DAY).day == 1
            return is_last or day.day in self.monthdays
        return True

    def __str__(self) -> str:
        """Return the rule as one would write it."""
        days = _describe_weekdays(self.weekdays) or ",".join(
            [_ordinal(day) for day in sorted(self.monthdays - {_LAST_DAY})]
            + ["last-day"] * (_LAST_DAY in self.monthdays)
        )
        return f"{days} {self.at:%H:%M}".strip()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest is due. Without rules and not hourly: only when its owner asks."""

    rules: tuple[Rule, ...] = ()
    hourly: bool = False

    @classmethod
    def parse(cls, when: str | Sequence[str]) -> Schedule:
        """Read `when`: "mon-fri 08:00", "1st 09:00", "hourly", "manual" … or several of them.

        Raises ValueError with a reason that quotes what is wrong.
        """
        entries = [when] if isinstance(when, str) else list(when)
        if not entries:
            raise ValueError('says nothing; write "manual" for a digest that is only sent by hand')
        words = {_tidy(entry) for entry in entries}
        for alone in ("hourly", "manual"):
            if alone in words and len(words) > 1:
                raise ValueError(f'"{alone}" stands alone, without other times')
        if words == {"hourly"}:
            return cls(hourly=True)
        if words == {"manual"}:
            return cls()
        rules = {_parse_rule(entry) for entry in entries}
        return cls(tuple(sorted(rules, key=lambda rule: (rule.at, str(rule)))))

    @property
    def manual(self) -> bool:
        """Say that it has no slots of its own."""
        return not self.rules and not self.hourly


@dataclass(frozen=True, slots=True)
class Slot:
    """One due time of a digest: `key` names it for ever, `due_at` is its instant in UTC."""

    key: str
    due_at: datetime


def slots_between(
    schedule: Schedule, zone: tzinfo, after: datetime, until: datetime
) -> Iterator[Slot]:
    """Yield the slots due in (after, until], in order of time, as they are asked for.

    `after` and `until` must be aware. Times that fall on the same instant, such
    as a skipped 02:30 and 03:30 an hour's change later, are one slot under the
    key that the clock then shows.
    """
    start = max(_to_utc(after), _EARLIEST)
    end = min(_to_utc(until), _LATEST)
    return _hours(start, end) if schedule.hourly else _calendar(schedule, zone, start, end)


def next_slot(schedule: Schedule, zone: tzinfo, after: datetime) -> Slot | None:
    """Return the first slot after `after`; None if it is manual."""
    until = min(_to_utc(after), _LATEST - _HORIZON) + _HORIZON
    return next(slots_between(schedule, zone, after, until), None)


def describe(schedule: Schedule) -> str:
    """Return the schedule in its canonical words: "mon-fri 08:00; sat,sun 10:00"."""
    if schedule.hourly:
        return "hourly"
    return "; ".join(map(str, schedule.rules)) or "manual"


# --- slots -----------------------------------------------------------------------------


def _hours(after: datetime, until: datetime) -> Iterator[Slot]:
    due = after.replace(minute=0, second=0, microsecond=0) + _HOUR
    while due <= until:
        yield Slot(f"{due.date().isoformat()}T{due.hour:02}Z", due)
        due += _HOUR


def _calendar(schedule: Schedule, zone: tzinfo, after: datetime, until: datetime) -> Iterator[Slot]:
    """Walk local days, and hold back a slot until no later day can come before it.

    Local order is not the order of time: a skipped 02:45 is due after 03:15, and
    where a whole day is skipped (Apia, 2011-12-30) it falls onto the next one.
    """
    if not schedule.rules:
        return
    found: dict[datetime, datetime] = {}
    # An offset is less than a day, so these local days hold every slot in the span.
    day, last = after.date() - _DAY, until.date() + _DAY
    while day <= last:
        for rule in schedule.rules:
            if rule.falls_on(day):
                local = datetime.combine(day, rule.at)
                due = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
                if after < due <= until:
                    # Of two local times at one instant the later one is not skipped.
                    found[due] = max(local, found.get(due, local))
        if found:
            settled = datetime.combine(day, time(), UTC)  # later days are due after this
            for due in sorted(due for due in found if due < settled):
                yield _slot(found.pop(due), due)
        day += _DAY
    for due in sorted(found):
        yield _slot(found[due], due)


def _slot(local: datetime, due: datetime) -> Slot:
    return Slot(local.isoformat(timespec="minutes"), due)


def _to_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    # Shifting the very ends of the calendar to UTC would overflow.
    if not 1 < moment.year < 9999:
        return _EARLIEST if moment.year == 1 else _LATEST
    return moment.astimezone(UTC)


# --- words -----------------------------------------------------------------------------


def _tidy(text: str) -> str:
    """Lower case, single spaces, none around commas and dashes."""
    return re.sub(r" ?(,) ?| ?(-) ?(?=[a-z])", r"\1\2", " ".join(text.casefold().split()))


def _parse_rule(text: str) -> Rule:
    match _tidy(text).split(" "):
        case [""]:
            raise ValueError("holds an empty text")
        case [clock] if clock[0].isdigit() and not clock.endswith(("st", "nd", "rd", "th")):
            return Rule(_parse_clock(clock, text))
        case [days]:
            _parse_days(days, text)
            raise ValueError(f'"{text}" has no time; write "{days} 08:00"')
        case [days, clock]:
            weekdays, monthdays = _parse_days(days, text)
            return Rule(_parse_clock(clock, text), weekdays, monthdays)
        case _:
            raise ValueError(f'"{text}" is not days and a time; write "mon,wed 08:00"')


def _parse_clock(word: str, text: str) -> time:
    parts = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", word)
    if parts is None:
        raise ValueError(f'"{text}": "{word}" is no time of day; write "08:00" or "18:30"')
    hour, minute = int(parts[1]), int(parts[2])
    if hour == 24 and minute == 0:
        raise ValueError(f'"{text}": the day ends at 23:59; write "00:00" of the next day')
    if hour > 23 or minute > 59:
        raise ValueError(f'"{text}": "{word}" is no time of day')
    if len(parts[1]) == 1:
        raise ValueError(f'"{text}": write the hour with two digits, "0{word}"')
    return time(hour, minute)


def _parse_days(words: str, text: str) -> tuple[frozenset[int], frozenset[int]]:
    """Return (weekdays, days of the month); one of them is empty."""
    weekdays: set[int] = set()
    monthdays: set[int] = set()
    for word in words.split(","):
        if word == "last-day":
            monthdays.add(_LAST_DAY)
        elif word[:1].isdigit():
            monthdays.add(_parse_monthday(word, text))
        else:
            first, dash, last = word.partition("-")
            start = _parse_weekday(first, text)
            span = (_parse_weekday(last, text) - start) % 7 if dash else 0
            weekdays.update((start + step) % 7 for step in range(span + 1))
    if weekdays and monthdays:
        raise ValueError(
            f'"{text}" mixes weekdays and days of the month; write them as two entries'
        )
    if len(weekdays) == 7:  # the same as no days at all
        weekdays.clear()
    return frozenset(weekdays), frozenset(monthdays)


def _parse_weekday(word: str, text: str) -> int:
    if word in _WEEKDAYS:
        return _WEEKDAYS.index(word)
    if word in ("hourly", "manual"):
        raise ValueError(f'"{text}": "{word}" stands alone, without a time')
    if word in ("daily", "everyday"):
        raise ValueError(f'"{text}": a time alone, as "08:00", is every day')
    import difflib  # noqa: PLC0415 (only a mistake needs it)

    near = [day for day in _WEEKDAYS if word.startswith(day)]
    near = near or difflib.get_close_matches(word, (*_WEEKDAYS, "last-day", "1st"), 1, 0.5)
    hint = f'did you mean "{near[0]}"?' if near else "days are " + " ".join(_WEEKDAYS)
    raise ValueError(f'"{text}": "{word}" is no day; {hint}')


def _parse_monthday(word: str, text: str) -> int:
    digits = re.match(r"[0-9]{1,2}", word)
    day = int(digits[0]) if digits else 0
    if ":" in word:
        raise ValueError(f'"{text}": the time comes last, as in "mon-fri 08:00"')
    if not 1 <= day <= 31:
        raise ValueError(f'"{text}": "{word}" is no day of the month')
    if word != _ordinal(day):
        raise ValueError(f'"{text}": "{word}" is no day; did you mean "{_ordinal(day)}"?')
    return day


def _ordinal(day: int) -> str:
    if day in (11, 12, 13):
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def _describe_weekdays(days: frozenset[int]) -> str:
    """Return "mon-fri", "sat,sun": three in a row and more are a range."""
    words: list[str] = []
    day = 0
    while day < 7:
        end = day
        while end in days:
            end += 1
        names = _WEEKDAYS[day:end]
        words += [f"{names[0]}-{names[-1]}"] if len(names) > 2 else names
        day = end + 1
    return ",".join(words)
