"""Slots against an oracle that knows nothing of PEP 495: it reads offsets off UTC instants."""
# ruff: noqa: DTZ001 - local date-times without a zone are what is tested here

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestd.core.slots import Schedule, Slot, describe, next_slot, slots_between

DAY = timedelta(days=1)
ODD_ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
)


# --- the oracle ------------------------------------------------------------------------


@cache
def _segments(
    zone: ZoneInfo, start: datetime, end: datetime, step: timedelta = timedelta(hours=6)
) -> list[tuple[datetime, timedelta]]:
    """Return (since, offset) of every stretch with one offset, found by walking UTC."""
    found = [(start, _offset(zone, start))]
    moment = start
    while moment < end:
        low, high = moment, moment + step
        if _offset(zone, high) != found[-1][1]:
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                if _offset(zone, middle) == found[-1][1]:
                    low = middle
                else:
                    high = middle
            found.append((high, _offset(zone, high)))
        moment += step
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _due(segments: list[tuple[datetime, timedelta]], local: datetime) -> datetime:
    """Return when clocks first show `local`, else when the offset before the gap would have."""
    naive = [(since.replace(tzinfo=None), offset) for since, offset in segments]
    naive.append((datetime(9999, 1, 1), timedelta()))  # an end that is never reached
    for (since, offset), (until, _) in itertools.pairwise(naive):
        if since + offset <= local and local - offset < until:
            return (local - offset).replace(tzinfo=UTC)
        if local < since + offset:
            break
        before = offset
    return (local - before).replace(tzinfo=UTC)


def _expected(
    zone: ZoneInfo, at: list[time], days: Iterator[date], after: datetime, until: datetime
) -> list[Slot]:
    start = after.replace(hour=0, minute=0, second=0, microsecond=0) - 4 * DAY
    segments = _segments(zone, start, start + (until - after) + 9 * DAY)
    by_instant: dict[datetime, str] = {}
    for day in days:
        for clock in sorted(at):
            local = datetime.combine(day, clock)
            by_instant[_due(segments, local)] = local.isoformat(timespec="minutes")
    slots = [Slot(key, due) for due, key in sorted(by_instant.items())]
    return [slot for slot in slots if after < slot.due_at <= until]


def _days(after: datetime, until: datetime) -> Iterator[date]:
    day = after.date() - 2 * DAY
    while day <= until.date() + 2 * DAY:
        yield day
        day += DAY


# --- properties ------------------------------------------------------------------------

odd_zones = st.sampled_from(ODD_ZONES).map(ZoneInfo)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
moments = st.datetimes(datetime(1992, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))
# Weeks in which something odd happens in some zone.
odd_weeks = st.sampled_from(
    [
        datetime(1993, 8, 18, tzinfo=UTC),  # Kwajalein skips a day
        datetime(1994, 12, 29, tzinfo=UTC),  # Kiritimati skips a day
        datetime(2011, 12, 27, tzinfo=UTC),  # Apia skips a day
        datetime(2018, 11, 1, tzinfo=UTC),  # São Paulo skips midnight
        datetime(2026, 2, 12, tzinfo=UTC),  # Casablanca before Ramadan
        datetime(2026, 3, 5, tzinfo=UTC),
        datetime(2026, 3, 26, tzinfo=UTC),
        datetime(2026, 4, 2, tzinfo=UTC),
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 10, 22, tzinfo=UTC),
        datetime(2026, 10, 29, tzinfo=UTC),
    ]
)


@given(
    zone=odd_zones,
    at=st.lists(clocks, min_size=1, max_size=3, unique=True),
    start=st.one_of(odd_weeks, moments),
    length=st.timedeltas(timedelta(0), timedelta(days=8)),
)
@example(ZoneInfo("Pacific/Apia"), [time(8)], datetime(2011, 12, 27, tzinfo=UTC), 6 * DAY)
@example(ZoneInfo("Pacific/Kwajalein"), [time(0)], datetime(1993, 8, 18, tzinfo=UTC), 6 * DAY)
@example(
    ZoneInfo("America/New_York"), [time(2, 30), time(3, 30)], datetime(2026, 3, 7, tzinfo=UTC), DAY
)
@settings(max_examples=300, deadline=None)
def test_slots_are_those_of_the_oracle(
    zone: ZoneInfo, at: list[time], start: datetime, length: timedelta
) -> None:
    schedule = Schedule.parse([f"{clock:%H:%M}" for clock in at])
    until = start + length
    expected = _expected(zone, at, _days(start, until), start, until)
    assert list(slots_between(schedule, zone, start, until)) == expected


@given(
    zone=odd_zones,
    start=st.one_of(odd_weeks, moments),
    cut=st.timedeltas(timedelta(0), timedelta(days=9)),
    when=st.sampled_from(["02:30", "hourly", "mon-fri 08:00", "1st 00:00", "last-day 23:59"]),
)
@settings(max_examples=150, deadline=None)
def test_a_span_cut_in_two_has_the_same_slots(
    zone: ZoneInfo, start: datetime, cut: timedelta, when: str
) -> None:
    schedule, end = Schedule.parse(when), start + 9 * DAY
    whole = list(slots_between(schedule, zone, start, end))
    before = list(slots_between(schedule, zone, start, start + cut))
    assert whole == before + list(slots_between(schedule, zone, start + cut, end))
    assert len({slot.key for slot in whole}) == len(whole)


@given(zone=odd_zones, after=st.one_of(odd_weeks, moments), at=clocks)
@settings(max_examples=150, deadline=None)
def test_nothing_is_due_before_the_next_slot(zone: ZoneInfo, after: datetime, at: time) -> None:
    schedule = Schedule.parse(f"{at:%H:%M}")
    slot = next_slot(schedule, zone, after)
    assert slot is not None
    assert after < slot.due_at
    assert list(slots_between(schedule, zone, after, slot.due_at)) == [slot]


def _odd_times(segments: tuple[tuple[datetime, timedelta], ...]) -> set[time]:
    """Return the times of day in the middle of what this zone's clocks skip or show twice."""
    odd = set()
    for (_, before), (since, offset) in itertools.pairwise(segments):
        naive = since.replace(tzinfo=None)
        odd.add((naive + (before + offset) / 2).time().replace(second=0, microsecond=0))
    return odd


def _wanted(day: date, when: str) -> bool:
    """Say which days a rule means, in words of its own."""
    return {
        "mon-fri": day.isoweekday() <= 5,
        "sat,sun": day.isoweekday() >= 6,
        "1st": day.day == 1,
        "last-day": day.month != (day + DAY).month,
        "": True,
    }[when]


def test_every_zone_has_one_slot_per_local_day_over_three_years() -> None:
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    known: set[tuple[object, ...]] = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        segments = tuple(_segments(zone, start - 3 * DAY, end + 3 * DAY, DAY))
        if segments in known:  # another name of the same clock
            continue
        known.add(segments)
        for at in {time(2, 30), *_odd_times(segments)}:
            slots = list(slots_between(Schedule.parse(f"{at:%H:%M}"), zone, start, end))
            days = [date.fromisoformat(slot.key[:10]) for slot in slots]
            assert days == [days[0] + n * DAY for n in range(len(days))], (name, at)
            assert len(days) >= 1095, (name, at)
            expected = [_due(list(segments), datetime.combine(day, at)) for day in days]
            assert [slot.due_at for slot in slots] == expected, (name, at)
        rules = {"mon-fri": time(8), "sat,sun": time(10), "1st": time(9), "last-day": time(18)}
        schedule = Schedule.parse([f"{days} {at:%H:%M}" for days, at in rules.items()])
        due = {
            (_due(list(segments), datetime.combine(day, at)), f"{day}T{at:%H:%M}")
            for day in _days(start, end)
            for words, at in rules.items()
            if _wanted(day, words)
        }
        got = [(slot.due_at, slot.key) for slot in slots_between(schedule, zone, start, end)]
        assert got == sorted(one for one in due if start < one[0] <= end), name


def test_hours_are_those_of_utc_whatever_the_zone() -> None:
    start, end = datetime(2026, 3, 7, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    for name in ODD_ZONES:
        slots = list(slots_between(Schedule.parse("hourly"), ZoneInfo(name), start, end))
        assert [slot.due_at for slot in slots] == [
            datetime(2026, 3, 8, tzinfo=UTC) + timedelta(hours=n) for n in range(len(slots))
        ]
        assert slots[-1] == Slot("2026-03-29T12Z", end)


# --- single days -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "at", "after", "until", "slots"),
    [
        pytest.param(
            "America/New_York",
            "02:30",
            "2026-03-07T12:00Z",
            "2026-03-10T00:00Z",
            [("2026-03-08T02:30", "2026-03-08T07:30Z"), ("2026-03-09T02:30", "2026-03-09T06:30Z")],
            id="skipped-in-spring",
        ),
        pytest.param(
            "America/New_York",
            "01:30",
            "2026-10-31T12:00Z",
            "2026-11-02T12:00Z",
            [("2026-11-01T01:30", "2026-11-01T05:30Z"), ("2026-11-02T01:30", "2026-11-02T06:30Z")],
            id="repeated-in-autumn",
        ),
        pytest.param(
            "Europe/Paris",
            "02:30",
            "2026-03-28T12:00Z",
            "2026-03-29T12:00Z",
            [("2026-03-29T02:30", "2026-03-29T01:30Z")],
            id="paris",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-03T00:00Z",
            "2026-10-04T00:00Z",
            [("2026-10-04T02:15", "2026-10-03T15:45Z")],
            id="half-an-hour-skipped",
        ),
        pytest.param(
            "Pacific/Apia",
            "fri 08:00",
            "2011-12-25T00:00Z",
            "2012-01-02T00:00Z",
            [("2011-12-30T08:00", "2011-12-30T18:00Z")],
            id="a-friday-that-never-was",
        ),
        pytest.param(
            "Pacific/Apia",
            "08:00",
            "2011-12-29T00:00Z",
            "2011-12-31T20:00Z",
            [
                ("2011-12-29T08:00", "2011-12-29T18:00Z"),
                ("2011-12-31T08:00", "2011-12-30T18:00Z"),
                ("2012-01-01T08:00", "2011-12-31T18:00Z"),
            ],
            id="a-skipped-day-adds-no-second-digest",
        ),
        pytest.param(
            "America/New_York",
            "02:45|03:15",
            "2026-03-08T05:00Z",
            "2026-03-08T12:00Z",
            [("2026-03-08T03:15", "2026-03-08T07:15Z"), ("2026-03-08T02:45", "2026-03-08T07:45Z")],
            id="in-order-of-time-not-of-clocks",
        ),
        pytest.param(
            "America/New_York",
            "02:30|03:30",
            "2026-03-08T05:00Z",
            "2026-03-08T12:00Z",
            [("2026-03-08T03:30", "2026-03-08T07:30Z")],
            id="coinciding-times-are-one-slot",
        ),
        pytest.param(
            "UTC",
            "08:00|mon-sun 08:00|1st 08:00",
            "2026-06-30T12:00Z",
            "2026-07-01T12:00Z",
            [("2026-07-01T08:00", "2026-07-01T08:00Z")],
            id="entries-that-overlap",
        ),
        pytest.param(
            "Asia/Kathmandu",
            "hourly",
            "2026-03-08T07:00Z",
            "2026-03-08T09:00Z",
            [("2026-03-08T08Z", "2026-03-08T08:00Z"), ("2026-03-08T09Z", "2026-03-08T09:00Z")],
            id="hourly-by-utc",
        ),
        pytest.param(
            "UTC",
            "last-day 18:00",
            "2028-01-31T18:00Z",
            "2028-03-01T00:00Z",
            [("2028-02-29T18:00", "2028-02-29T18:00Z")],
            id="half-open-and-leap-day",
        ),
        pytest.param(
            "UTC",
            "31st 09:00",
            "2026-01-31T09:00Z",
            "2026-04-30T23:00Z",
            [("2026-03-31T09:00", "2026-03-31T09:00Z")],
            id="a-short-month-has-no-31st",
        ),
        pytest.param("UTC", "manual", "2026-01-01T00:00Z", "2036-01-01T00:00Z", [], id="manual"),
        pytest.param(
            "UTC", "08:00", "2026-01-02T00:00Z", "2026-01-01T00:00Z", [], id="an-empty-span"
        ),
    ],
)
def test_slots(zone: str, at: str, after: str, until: str, slots: list[tuple[str, str]]) -> None:
    got = slots_between(
        Schedule.parse(at.split("|")),
        ZoneInfo(zone),
        datetime.fromisoformat(after),
        datetime.fromisoformat(until),
    )
    assert list(got) == [Slot(key, datetime.fromisoformat(due)) for key, due in slots]


def test_slots_are_made_as_they_are_asked_for() -> None:
    for when in ("hourly", "08:00", "1st 08:00"):
        slots = slots_between(
            Schedule.parse(when),
            UTC,
            datetime.min.replace(tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
        )
        assert len(list(itertools.islice(slots, 3))) == 3


def test_nothing_is_due_after_the_end_of_the_calendar() -> None:
    zone = ZoneInfo("Pacific/Kiritimati")
    assert next_slot(Schedule.parse("08:00"), zone, datetime.max.replace(tzinfo=zone)) is None


def test_a_manual_digest_has_no_next_slot() -> None:
    assert next_slot(Schedule.parse("manual"), UTC, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        next_slot(Schedule.parse("08:00"), UTC, datetime(2026, 1, 1))


# --- words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "canonical"),
    [
        ("08:00", "08:00"),
        ("mon-fri 08:00", "mon-fri 08:00"),
        ("sat,sun 10:00", "sat,sun 10:00"),
        ("sun 20:00", "sun 20:00"),
        ("1st 09:00", "1st 09:00"),
        ("15th 09:00", "15th 09:00"),
        ("last-day 18:00", "last-day 18:00"),
        ("hourly", "hourly"),
        ("manual", "manual"),
        ("  Mon - Fri   08:00 ", "mon-fri 08:00"),
        ("mon, wed 08:00", "mon,wed 08:00"),
        ("fri-mon 08:00", "mon,fri-sun 08:00"),
        ("mon-sun 08:00", "08:00"),
        ("1st,15th,last-day 09:00", "1st,15th,last-day 09:00"),
        ("22nd,11th,3rd 09:00", "3rd,11th,22nd 09:00"),
        (["sat,sun 10:00", "mon-fri 08:00"], "mon-fri 08:00; sat,sun 10:00"),
        (["08:00", "08:00"], "08:00"),
        (["hourly", "hourly"], "hourly"),
    ],
)
def test_when_is_read(when: str | list[str], canonical: str) -> None:
    schedule = Schedule.parse(when)
    assert describe(schedule) == canonical
    assert Schedule.parse(canonical.split("; ")) == schedule


@pytest.mark.parametrize(
    ("when", "complaint"),
    [
        ([], "manual"),
        ("", "empty"),
        ("8:00", '"08:00"'),
        ("24:00", "23:59"),
        ("12:60", "12:60"),
        ("08:00:00", "08:00:00"),
        ("8am", "8am"),
        ("०८:००", "no time of day"),
        ("mon-fri", '"mon-fri 08:00"'),
        ("1st", '"1st 08:00"'),
        ("08:00 mon-fri", "comes last"),
        ("mon fri 08:00", "mon,wed 08:00"),
        ("monday 08:00", '"mon"'),
        ("mno 08:00", '"mon"'),
        ("mon-fry 08:00", '"fry" is no day; did you mean "fri"'),
        ("mon- 08:00", '"" is no day'),
        ("1th 09:00", '"1st"'),
        ("31th 09:00", '"31st"'),
        ("32nd 09:00", "32nd"),
        ("0th 09:00", "0th"),
        ("lastday 09:00", '"last-day"'),
        ("mon,15th 09:00", "mixes"),
        ("daily 09:00", "every day"),
        ("hourly 09:00", "alone"),
        (["hourly", "09:00"], '"hourly" stands alone'),
        (["manual", "09:00"], '"manual" stands alone'),
    ],
)
def test_what_cannot_be_meant_is_named(when: str | list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schedule.parse(when)
