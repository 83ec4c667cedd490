"""Each trouble is told once, and once that it is over; a hiccup never."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.models import Feed, Watch
from digestd.core.notices import ChannelHealth, Finding, Known, news, of_channels, of_feeds

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AFTER = 6 * HOUR
WELL = Feed(
    1,
    "muon",
    "https://example.org/feed",
    name="Muon",
    baseline_at=NOW - 300 * DAY,
    last_entry_at=NOW - DAY,
    recent_gaps=(86_400.0,) * 5,
)


def troubles(feed: Feed, known: Known | None = None) -> set[str]:
    return {one.trouble for one in of_feeds([feed], known or {}, NOW, AFTER)}


@pytest.mark.parametrize(
    ("failures", "hours", "told"), [(2, 100, False), (3, 5.9, False), (3, 6, True), (40, 6, True)]
)
def test_failing_is_three_failures_over_six_hours(failures: int, hours: float, told: bool) -> None:
    feed = replace(WELL, failures=failures, failing_since=NOW - hours * HOUR, last_error="500")
    assert troubles(feed) == ({"failing"} if told else set())


def test_it_lasts_until_a_fetch_is_good() -> None:
    known = {("feed:muon", "failing"): NOW - 9 * HOUR}
    assert troubles(replace(WELL, failures=1, failing_since=NOW), known) == {"failing"}
    assert troubles(WELL, known) == set()


def test_silence_is_five_usual_gaps_and_three_days_at_least() -> None:
    assert troubles(replace(WELL, last_entry_at=NOW - 5 * DAY)) == set()
    assert troubles(replace(WELL, last_entry_at=NOW - 5 * DAY - HOUR)) == {"silent"}
    hourly = replace(WELL, recent_gaps=(3600.0,) * 5)
    assert troubles(replace(hourly, last_entry_at=NOW - 2 * DAY)) == set()
    assert troubles(replace(hourly, last_entry_at=NOW - 4 * DAY)) == {"silent"}


def test_a_feed_that_was_silent_when_it_was_added_is_no_news() -> None:
    old = replace(WELL, last_entry_at=NOW - 200 * DAY, baseline_at=NOW - DAY)
    assert troubles(old) == set()


def test_a_failing_feed_is_not_called_silent_and_its_silence_does_not_end() -> None:
    failing = replace(
        WELL, last_entry_at=NOW - 50 * DAY, failures=9, failing_since=NOW - 40 * DAY, last_error="x"
    )
    assert troubles(failing) == {"failing"}
    known = {("feed:muon", "silent"): NOW - 50 * DAY}
    assert troubles(replace(failing, last_entry_at=NOW - DAY), known) == {"failing", "silent"}


def test_gone_and_moved_are_troubles() -> None:
    assert troubles(replace(WELL, gone_at=NOW, failures=9, failing_since=NOW - DAY)) == {"gone"}
    assert troubles(replace(WELL, watch=Watch(moved_to="https://b.example/"))) == {"moved"}


def test_a_restart_mends_no_channel() -> None:
    parked = ChannelHealth("phone", NOW - HOUR, "401", None)
    [told] = of_channels([parked], {}, NOW, AFTER)
    known = {told.key: told.since}
    freed = replace(parked, parked_at=None)
    assert of_channels([freed], known, NOW, AFTER) == [replace(told, detail="")]
    assert of_channels([replace(freed, last_ok_at=NOW)], known, NOW, AFTER) == []


def test_a_channel_that_cannot_be_reached_for_long_is_told_until_it_takes_something() -> None:
    deaf = ChannelHealth("phone", None, "time-out", None, 9, NOW - AFTER)
    [told] = of_channels([deaf], {}, NOW, AFTER)
    assert (told.trouble, told.since) == ("failing", NOW - AFTER)
    assert of_channels([replace(deaf, failures=2)], {}, NOW, AFTER) == []
    assert of_channels([replace(deaf, failing_since=NOW - HOUR)], {}, NOW, AFTER) == []
    known = {told.key: told.since}
    assert of_channels([replace(deaf, failures=1, failing_since=None)], known, NOW, AFTER)
    assert of_channels([replace(deaf, failures=0, failing_since=None)], known, NOW, AFTER) == []


def finding(name: str, trouble: str = "failing") -> Finding:
    return Finding(f"feed:{name}", "silent" if trouble == "silent" else "failing", NOW, name)


@given(
    st.lists(st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from(["failing", "silent"])))),
)
def test_news_are_told_once_each_way(history: list[set[tuple[str, str]]]) -> None:
    known: dict[tuple[str, str], datetime] = {}
    labels = {f"feed:{name}": name for name in "abc"}
    lasting: set[tuple[str, str]] = set()
    for state in history:
        found = [finding(name, trouble) for name, trouble in state]
        fresh = news(found, known, labels)
        now = {one.key for one in found}
        assert {one.key for one in fresh.begun} == now - lasting
        assert {one.key for one in fresh.over} == lasting - now
        for one in fresh.begun:
            known[one.key] = one.since
        for one in fresh.over:
            del known[one.key]
        assert not news(found, known, labels)
        lasting = now


def test_what_is_followed_no_longer_is_forgotten_without_a_word() -> None:
    fresh = news([], {("feed:x", "failing"): NOW, ("delivery:7", "refused"): NOW}, {})
    assert not fresh
    assert set(fresh.forgotten) == {("feed:x", "failing"), ("delivery:7", "refused")}
