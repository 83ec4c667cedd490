"""When a feed is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.freshness import HIGHEST_FLOOR, LONGEST_WAIT
from digestd.core.models import Feed, Subscription, Validators
from digestd.core.outcomes import Failed, Fetched, FetchOutcome, Gone, NotModified
from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.core.polling import JITTER, USUAL_PRICE, PollLimits, gaps_between, next_poll_at
from digestd.core.rhythm import Rhythm, Sighting, learn

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
LIMITS = PollLimits()
SAME = NotModified(Validators(), {})
DAY = 86400.0


def wait(
    outcome: FetchOutcome = SAME,
    parsed: ParsedFeed | Unreadable | None = None,
    *,
    interval: timedelta | None = None,
    chance: float = 0.0,
    limits: PollLimits = LIMITS,
    price: float = USUAL_PRICE,
    pushed: bool = False,
    **feed: Any,
) -> timedelta | None:
    due = next_poll_at(
        Feed(pk=1, id="f", url="http://f.example/", **feed),
        Subscription("http://f.example/", interval=interval),
        outcome,
        parsed,
        now=NOW,
        chance=chance,
        limits=limits,
        price=price,
        pushed=pushed,
    )
    return due - NOW if due else None


def same(**headers: str) -> NotModified:
    return NotModified(Validators(), {k.replace("_", "-"): v for k, v in headers.items()})


def document(*ages: timedelta, **facts: Any) -> ParsedFeed:
    entries = tuple(ParsedEntry(str(a), None, "t", published_at=NOW - a) for a in ages)
    return ParsedFeed("a feed", entries=entries, **facts)


def rhythm(gap: timedelta, count: int = 30, silent: timedelta = timedelta(0)) -> Rhythm:
    """Return that of a feed that has posted every `gap`, and then nothing for `silent`."""
    dates = [NOW - silent - n * gap for n in range(1, count + 1)]
    return learn(Rhythm(), Sighting(dates), NOW)


BUSY = rhythm(timedelta(minutes=20))


def test_the_busier_a_feed_the_sooner_it_is_asked() -> None:
    gaps = [timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=60)]
    waits = [wait(rhythm=rhythm(gap)) or timedelta(0) for gap in gaps]
    assert waits == sorted(waits)
    assert waits[0] < timedelta(minutes=30) < waits[-1]


def test_a_dearer_request_is_made_later() -> None:
    daily = rhythm(timedelta(days=1))
    cheap, dear = (wait(rhythm=daily, price=p) for p in (1e-5, 1e-3))
    assert cheap
    assert dear
    assert cheap < dear


def test_a_feed_that_a_hub_tells_of_is_asked_seldom_yet_is_asked() -> None:
    daily = rhythm(timedelta(days=1))
    alone, with_hub = wait(rhythm=daily), wait(rhythm=daily, pushed=True)
    assert alone
    assert with_hub
    assert 8 * alone < with_hub <= LIMITS.max_interval


@pytest.mark.parametrize(
    ("outcome", "feed", "expected"),
    [
        pytest.param(same(cache_control="max-age=1800"), {}, timedelta(minutes=30), id="max-age"),
        pytest.param(same(), {"ttl": timedelta(minutes=40)}, timedelta(minutes=40), id="known-ttl"),
        pytest.param(same(), {"ttl": timedelta(days=1)}, timedelta(hours=1), id="ttl-of-a-day"),
        pytest.param(same(retry_after="7200"), {}, timedelta(hours=2), id="retry-after-on-a-304"),
        pytest.param(same(), {"skip_hours": {12, 13}}, timedelta(hours=2), id="skip-hours"),
        pytest.param(same(), {"skip_days": {0}}, timedelta(hours=12), id="skip-days"),
    ],
)
def test_the_publisher_is_obeyed(
    outcome: FetchOutcome, feed: dict[str, Any], expected: timedelta
) -> None:
    assert wait(outcome, rhythm=BUSY, **feed) == expected


def test_what_the_new_document_says_goes_before_what_was_known() -> None:
    new = document(timedelta(hours=1), timedelta(hours=2), ttl=timedelta(minutes=20))
    fetched = Fetched(b"", Validators(), "", {})
    waited = wait(fetched, new, rhythm=BUSY, ttl=timedelta(hours=1), skip_hours={12})
    assert waited == timedelta(minutes=20)


def test_the_owners_interval_goes_before_plan_and_floors() -> None:
    second = timedelta(seconds=1)
    busy = same(cache_control="max-age=3600")
    assert wait(busy, interval=second, ttl=timedelta(hours=1), chance=0.9) == second
    assert wait(interval=timedelta(days=3), rhythm=BUSY) == timedelta(days=3)


def test_the_owners_interval_does_not_go_before_retry_after() -> None:
    second = timedelta(seconds=1)
    assert wait(same(retry_after="600"), interval=second) == timedelta(minutes=10)
    assert wait(Failed("no", 429, "600"), interval=second) == timedelta(minutes=10)


def test_nor_before_skip_hours() -> None:
    assert wait(interval=timedelta(seconds=1), skip_hours={12}) == timedelta(hours=1)


def test_a_feed_that_fails_is_asked_ever_more_seldom_but_never_forgotten() -> None:
    waits = [wait(Failed("HTTP 500"), failures=n) for n in range(12)]
    assert waits[:4] == [timedelta(minutes=5 * 2**n) for n in range(4)]
    assert waits == sorted(waits, key=lambda w: w or timedelta())
    assert waits[-1] == LIMITS.max_interval
    assert wait(Failed("HTTP 500"), failures=10**6) == LIMITS.max_interval


def test_an_owners_interval_backs_off_too() -> None:
    second = timedelta(seconds=1)
    assert wait(Failed("x"), interval=second, failures=0) == second
    assert wait(Failed("x"), interval=second, failures=5) == timedelta(seconds=32)
    assert wait(Failed("x"), interval=timedelta(days=7), failures=40) == timedelta(days=7)


def test_an_unreadable_document_is_a_failure() -> None:
    fetched = Fetched(b"<html>", Validators(), "", {})
    assert wait(fetched, Unreadable("no feed"), failures=3) == timedelta(minutes=40)


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests_without_a_date_halves_the_pace(status: int) -> None:
    daily = rhythm(timedelta(days=1))
    planned = wait(rhythm=daily)
    assert planned
    assert wait(Failed("", status), rhythm=daily) == 2 * planned
    assert wait(Failed("", 500), rhythm=daily) == timedelta(minutes=5)


def test_retry_after_never_brings_a_failing_feed_forward() -> None:
    assert wait(Failed("", 503, "1"), failures=4) == timedelta(minutes=80)


def test_gone_is_never_asked_again() -> None:
    assert wait(Gone()) is None
    assert wait(Gone(), interval=timedelta(seconds=1)) is None


def test_posts_of_one_moment_are_one_post() -> None:
    day = timedelta(days=1)
    assert gaps_between([NOW, NOW, NOW - day, NOW - day, NOW - 3 * day]) == (DAY, 2 * DAY)
    assert gaps_between([]) == ()


outcomes = st.one_of(
    st.builds(Failed, st.just(""), st.none() | st.integers(100, 599), st.none() | st.text()),
    st.builds(
        NotModified,
        st.just(Validators()),
        st.dictionaries(st.sampled_from(["cache-control", "age", "retry-after"]), st.text()),
    ),
)
intervals = st.timedeltas(timedelta(seconds=1), timedelta(days=400))


@given(
    outcomes,
    st.lists(st.datetimes(timezones=st.just(UTC)), max_size=30),
    st.integers(0, 10**9),
    st.floats(0, 1, exclude_max=True),
    st.none() | intervals,
    st.none() | st.timedeltas(),
)
def test_polling_stays_within_bounds(
    outcome: FetchOutcome,
    dates: list[datetime],
    failures: int,
    chance: float,
    interval: timedelta | None,
    ttl: timedelta | None,
) -> None:
    waited = wait(
        outcome,
        interval=interval,
        chance=chance,
        rhythm=learn(Rhythm(), Sighting(dates), NOW),
        failures=failures,
        ttl=ttl,
    )
    assert waited is not None
    longest = max(LIMITS.max_interval, LONGEST_WAIT, HIGHEST_FLOOR) * (1 + JITTER)
    if interval is None:
        assert LIMITS.min_interval <= waited <= 2 * longest
    else:
        assert interval <= waited <= max(interval * 2, longest)
