"""Quiet hours by the wall clock, over midnight, weekends and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.quiet import Quiet

BERLIN = ZoneInfo("Europe/Berlin")
QUIET = Quiet.parse(["22:30-07:00", "sat-sun"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        pytest.param("2026-11-24T12:00", "2026-11-24T12:00", id="by-day"),
        pytest.param("2026-11-24T22:29:59", "2026-11-24T22:29:59", id="just-before"),
        pytest.param("2026-11-24T22:30", "2026-11-25T07:00", id="it-begins"),
        pytest.param("2026-11-25T06:59", "2026-11-25T07:00", id="past-midnight"),
        pytest.param("2026-11-25T07:00", "2026-11-25T07:00", id="it-ends"),
        pytest.param("2026-11-27T23:00", "2026-11-30T07:00", id="weekend-joined-to-its-nights"),
        pytest.param("2026-03-28T23:00", "2026-03-30T07:00", id="the-night-the-clock-springs"),
        pytest.param("2026-10-26T01:00", "2026-10-26T07:00", id="after-it-fell-back"),
    ],
)
def test_a_silence_ends_where_its_owner_would_say(moment: str, end: str) -> None:
    assert QUIET.until(at(moment), BERLIN) == at(end)


@given(st.integers(0, 2 * 365 * 24 * 60))
def test_its_end_is_not_quiet_and_everything_before_is(minutes: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    end = QUIET.until(moment, BERLIN)
    assert end is not None
    assert QUIET.until(end, BERLIN) == end
    if end > moment:
        assert QUIET.until(end - timedelta(microseconds=1), BERLIN) == end


def test_without_spans_it_is_never_quiet() -> None:
    assert Quiet().until(at("2026-11-24T03:00"), BERLIN) == at("2026-11-24T03:00")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no quiet time"),
        ("22:30", "no span of time"),
        ("25:00-07:00", "no such time"),
        ("7:00-8:00", "no span of time"),
        ("08:00-08:00", "begins when it ends"),
        ("sam-sun", "no day"),
        ("sat sun 08:00-09:00", "no quiet time"),
        ("mon-sun", "always quiet"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Quiet.parse([text])


def test_days_and_hours_together() -> None:
    lunch = Quiet.parse(["mon-fri 12:00-13:00", "fri 18:00-24:00"])
    assert lunch.until(at("2026-11-24T12:30"), BERLIN) == at("2026-11-24T13:00")
    assert lunch.until(at("2026-11-28T12:30"), BERLIN) == at("2026-11-28T12:30")
    assert lunch.until(at("2026-11-27T20:00"), BERLIN) == at("2026-11-28T00:00")


def test_it_is_said_as_one_would_write_it() -> None:
    spans = Quiet.parse(["22:30-07:00", "sat-sun", "mon,tue 12:00-13:00"]).spans
    assert [str(span) for span in spans] == ["22:30-07:00", "sat,sun", "mon,tue 12:00-13:00"]
    assert Quiet.parse([str(span) for span in spans]).spans == spans
