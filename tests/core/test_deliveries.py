"""What follows from a hub's delivery: as from a poll, but for what it cannot say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from digestd.core.models import Feed, Subscription, Validators
from digestd.core.outcomes import Fetched, Pushed
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.polling import PollLimits
from digestd.core.recognition import Memory
from digestd.core.refresh import RefreshPlan, decide
from tests.support.nouns import NOW, URL, parsed

MINUTE = timedelta(minutes=1)
KNOWN = Feed(
    pk=1,
    id="f",
    url=URL,
    title="Blog",
    validators=Validators('"v1"'),
    body_hash=b"h",
    baseline_at=NOW - timedelta(days=9),
    last_ok_at=NOW - timedelta(hours=3),
    last_polled_at=NOW - timedelta(hours=3),
    next_poll_at=NOW + timedelta(hours=20),
    failures=2,
    last_error="HTTP 500",
    listed=10,
)
WANTED = Subscription(URL, alert=("phone",), digests=("daily",))


def delivered(
    document: ParsedFeed | Unreadable | None, feed: Feed = KNOWN, body: bytes = b""
) -> RefreshPlan:
    return decide(
        feed,
        WANTED,
        Pushed(body, URL, {}),
        document,
        Memory(),
        now=NOW,
        chance=0.0,
        limits=PollLimits(),
    )


def posts(count: int, age: timedelta = MINUTE, title: str = "Blog") -> ParsedFeed:
    entries = (parsed(str(n), published_at=NOW - age) for n in range(count))
    return ParsedFeed(title, entries=tuple(entries))


def after_first_fetch() -> Feed:
    return decide(
        replace(KNOWN, baseline_at=None),
        WANTED,
        Fetched(b"", Validators(), URL, {}),
        posts(5, age=timedelta(days=2)),
        Memory(),
        now=NOW - timedelta(hours=3),
        chance=0.0,
        limits=PollLimits(),
    ).feed


def test_a_delivered_post_is_learned_as_of_now_whatever_its_date_says() -> None:
    known = delivered(posts(1), replace(KNOWN, rhythm=after_first_fetch().rhythm))
    assert known.learned
    undated = ParsedFeed("Blog", entries=(parsed("x"),))
    plan = delivered(undated, replace(KNOWN, rhythm=after_first_fetch().rhythm))
    assert plan.feed.rhythm.posted == NOW.timestamp()


def test_a_delivered_post_owes_what_a_polled_one_does() -> None:
    (new,) = delivered(posts(1)).new_entries
    assert [debt.target for debt in new.debts] == ["phone", "daily"]


def test_a_delivery_does_not_say_how_the_feed_fares() -> None:
    after = delivered(posts(1)).feed
    same = ("validators", "body_hash", "failures", "last_error", "last_ok_at", "title", "watch")
    assert [getattr(after, name) for name in same] == [getattr(KNOWN, name) for name in same]
    assert after.last_entry_at == NOW - MINUTE


def test_f2_what_is_not_the_whole_feed_makes_it_be_asked_within_minutes() -> None:
    assert delivered(posts(1)).feed.next_poll_at == NOW + MINUTE
    just_polled = replace(KNOWN, last_polled_at=NOW)
    assert delivered(posts(1), just_polled).feed.next_poll_at == NOW + 5 * MINUTE
    soon = replace(KNOWN, next_poll_at=NOW + timedelta(seconds=3))
    assert delivered(posts(1), soon).feed.next_poll_at == soon.next_poll_at
    assert delivered(posts(10)).feed.next_poll_at == KNOWN.next_poll_at


def test_a_ping_makes_the_feed_be_asked_once_a_minute_at_most() -> None:
    for empty in (None, Unreadable("no feed"), ParsedFeed("Blog")):
        assert delivered(empty).feed.next_poll_at == NOW
        just_polled = replace(KNOWN, last_polled_at=NOW)
        assert delivered(empty, just_polled).feed.next_poll_at == NOW + MINUTE


def test_bytes_that_a_poll_has_just_seen_ask_for_nothing() -> None:
    assert delivered(None, body=b"<rss/>").feed == KNOWN


def test_skip_hours_hold_for_what_a_delivery_asks_for() -> None:
    skipping = replace(KNOWN, skip_hours=frozenset({NOW.hour}))
    assert delivered(None, skipping).feed.next_poll_at == NOW + timedelta(hours=1)


def test_before_the_first_fetch_nothing_is_new() -> None:
    first = replace(KNOWN, baseline_at=None, next_poll_at=NOW)
    assert delivered(posts(3), first).new_entries == ()


def test_one_entry_under_a_title_of_the_hubs_is_no_takeover() -> None:
    plan = delivered(posts(1, title="YouTube video feed"))
    assert (plan.held, len(plan.new_entries)) == ("", 1)


def test_a_flood_is_held_whoever_brings_it() -> None:
    assert delivered(posts(60, age=timedelta(days=400))).held


@given(st.integers(0, 30), st.timedeltas(timedelta(0), timedelta(days=900)), st.integers(0, 40))
def test_a_delivery_never_puts_a_poll_off(count: int, age: timedelta, listed: int) -> None:
    plan = delivered(posts(count, age), replace(KNOWN, listed=listed))
    assert plan.feed.next_poll_at
    assert KNOWN.next_poll_at
    assert NOW <= plan.feed.next_poll_at <= KNOWN.next_poll_at
    assert len(plan.new_entries) == count
