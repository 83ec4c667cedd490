"""When a publisher says it may be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestd.core.freshness import (
    HIGHEST_FLOOR,
    LONGEST_WAIT,
    parse_retry_after,
    polite_floor,
    skip_until,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
moments = st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@pytest.mark.parametrize(
    ("raw", "wait"),
    [
        pytest.param("120", timedelta(seconds=120), id="seconds"),
        pytest.param(" 120 ", timedelta(seconds=120), id="padded"),
        pytest.param("1.5", timedelta(seconds=1.5), id="fraction"),
        pytest.param("86400", timedelta(hours=24), id="a-day-in-full"),
        pytest.param("3600000", LONGEST_WAIT, id="milliseconds-by-mistake"),
        pytest.param("999999999999999", LONGEST_WAIT, id="absurd"),
        pytest.param(str(int(NOW.timestamp()) + 90), timedelta(seconds=90), id="epoch"),
        pytest.param("Mon, 02 Mar 2026 13:00:00 GMT", timedelta(hours=1), id="imf-fixdate"),
        pytest.param("Monday, 02-Mar-26 13:00:00 GMT", timedelta(hours=1), id="rfc850"),
        pytest.param("Mon Mar  2 13:00:00 2026", timedelta(hours=1), id="asctime"),
        pytest.param("Mon, 02 Mar 2026 14:00:00 +0100", timedelta(hours=1), id="other-zone"),
        pytest.param("Tue, 02 Mar 2027 13:00:00 GMT", LONGEST_WAIT, id="next-year"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT, id="year-9999"),
        pytest.param("Mon, 02 Mar 2026 11:00:00 GMT", None, id="past"),
        pytest.param("0", None, id="zero"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
        pytest.param("٣", None, id="foreign-digits"),
        pytest.param("9" * 5000, None, id="endless-digits"),
    ],
)
def test_retry_after(raw: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(raw, NOW) == (wait and NOW + wait)


@given(st.text() | st.integers().map(str), moments)
@example("Mon, 99 Mar 2026 13:00:00 GMT", NOW)
@example("Mon, 02 Mar 0000 13:00:00 GMT", NOW)
@example("Mon, 01 Jan 0001 00:00:00 +2359", NOW)
def test_retry_after_is_ahead_and_bounded_whatever_it_says(raw: str, now: datetime) -> None:
    until = parse_retry_after(raw, now)
    assert until is None or now < until <= now + LONGEST_WAIT


@pytest.mark.parametrize(
    ("headers", "ttl", "floor"),
    [
        pytest.param({}, None, 0, id="nothing"),
        pytest.param({"cache-control": "max-age=600"}, None, 600, id="max-age"),
        pytest.param({"cache-control": 'Public, Max-Age="600"'}, None, 600, id="quoted"),
        pytest.param({"cache-control": "max-age=600", "age": "100"}, None, 500, id="minus-age"),
        pytest.param({"cache-control": "max-age=600", "age": "999"}, None, 0, id="stale"),
        pytest.param({"cache-control": "max-age=60, max-age=900"}, None, 60, id="first-of-two"),
        pytest.param({"cache-control": "max-age=86400"}, None, 3600, id="a-day-is-an-hour"),
        pytest.param({"cache-control": "no-cache, max-age=600"}, None, 0, id="no-cache"),
        pytest.param({"cache-control": "no-store, max-age=600"}, None, 0, id="no-store"),
        pytest.param({"cache-control": "s-maxage=600"}, None, 0, id="shared-caches-only"),
        pytest.param({"cache-control": "max-age=-1"}, None, 0, id="negative"),
        pytest.param(
            {"expires": "Mon, 02 Mar 2026 08:10:00 GMT", "date": "Mon, 02 Mar 2026 08:00:00 GMT"},
            None,
            600,
            id="expires-by-the-servers-clock",
        ),
        pytest.param({"expires": "Mon, 02 Mar 2026 12:10:00 GMT"}, None, 600, id="no-date"),
        pytest.param({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, None, 0, id="expired"),
        pytest.param({"expires": "0"}, None, 0, id="expires-zero"),
        pytest.param(
            {"cache-control": "max-age=0", "expires": "Mon, 02 Mar 2026 12:10:00 GMT"},
            None,
            0,
            id="max-age-goes-before-expires",
        ),
        pytest.param({}, timedelta(minutes=30), 1800, id="ttl"),
        pytest.param({}, timedelta(hours=24), 3600, id="ttl-of-a-day-is-an-hour"),
        pytest.param({"cache-control": "max-age=60"}, timedelta(minutes=30), 1800, id="longer"),
        pytest.param({"cache-control": "no-cache"}, timedelta(minutes=30), 1800, id="ttl-holds"),
    ],
)
def test_polite_floor(headers: dict[str, str], ttl: timedelta | None, floor: int) -> None:
    assert polite_floor(headers, ttl, NOW) == timedelta(seconds=floor)


@given(
    st.dictionaries(st.sampled_from(["cache-control", "expires", "date", "age"]), st.text()),
    st.none() | st.timedeltas(),
    moments,
)
def test_the_floor_is_bounded_whatever_is_said(
    headers: dict[str, str], ttl: timedelta | None, now: datetime
) -> None:
    assert timedelta(0) <= polite_floor(headers, ttl, now) <= HIGHEST_FLOOR


@pytest.mark.parametrize(
    ("hours", "days", "until"),
    [
        pytest.param([], [], "2026-03-02T12:34Z", id="nothing-skipped"),
        pytest.param([3], [], "2026-03-02T12:34Z", id="another-hour"),
        pytest.param([12], [], "2026-03-02T13:00Z", id="this-hour"),
        pytest.param([12, 13, 14], [], "2026-03-02T15:00Z", id="three-hours"),
        pytest.param([*range(12, 24), 0, 1], [], "2026-03-03T02:00Z", id="over-midnight"),
        pytest.param([], [0], "2026-03-03T00:00Z", id="this-day"),
        pytest.param([0], [0, 1], "2026-03-04T01:00Z", id="days-then-hour"),
        pytest.param(
            [h for h in range(24) if h != 11], [], "2026-03-03T11:00Z", id="one-hour-left"
        ),
        pytest.param(
            [h for h in range(24) if h != 11],
            [d for d in range(7) if d != 6],
            "2026-03-08T11:00Z",
            id="one-hour-of-the-week",
        ),
        pytest.param(range(24), [], "2026-03-02T12:34Z", id="all-hours-is-a-mistake"),
        pytest.param([], range(7), "2026-03-02T12:34Z", id="all-days-is-a-mistake"),
    ],
)
def test_skip_until(hours: list[int], days: list[int], until: str) -> None:
    at = datetime(2026, 3, 2, 12, 34, tzinfo=UTC)
    assert skip_until(hours, days, at) == datetime.fromisoformat(until)


@given(st.sets(st.integers(-1, 25)), st.sets(st.integers(-1, 8)), moments)
def test_what_is_skipped_is_never_asked_in(hours: set[int], days: set[int], at: datetime) -> None:
    until = skip_until(hours, days, at)
    assert at <= until <= at + timedelta(days=8)
    if not set(range(24)) <= hours:
        assert until.hour not in hours
    if not set(range(7)) <= days:
        assert until.weekday() not in days
    assert skip_until(hours, days, until) == until


@given(st.integers(1, 86_400), st.sampled_from(["GMT", "UTC", "+0000"]))
def test_an_http_date_is_one_however_it_is_read(seconds: int, zone: str) -> None:
    moment = NOW + timedelta(seconds=seconds)
    written = f"{format_datetime(moment, usegmt=True).removesuffix('GMT')}{zone}"
    assert parse_retry_after(written, NOW) == moment


@pytest.mark.parametrize(
    "written", ["Fri, 31 Feb 2025 00:00:00 GMT", "Fri, 01 Jan 2025 24:00:00 GMT"]
)
def test_a_date_that_is_none_is_nonsense(written: str) -> None:
    assert parse_retry_after(written, datetime(2024, 12, 31, 12, tzinfo=UTC)) is None
