"""What follows from a fetch: the one decision behind every poll."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.models import Feed, FirstFetch, Subscription, Validators
from digestd.core.outcomes import Failed, Fetched, FetchOutcome, Gone, NotModified
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.polling import PollLimits
from digestd.core.recognition import Memory
from digestd.core.refresh import RefreshPlan, decide
from tests.support.nouns import NOW, URL, parsed

NEW = Feed(pk=1, id="f", url=URL)
KNOWN = replace(NEW, baseline_at=NOW - timedelta(days=9), validators=Validators('"old"', "Mon"))
WANTED = Subscription(URL, alert=("phone",), digests=("daily",))
FETCHED = Fetched(b"", Validators('"v2"'), URL, {})


def plan(
    feed: Feed = KNOWN,
    outcome: FetchOutcome = FETCHED,
    document: ParsedFeed | Unreadable | None = None,
    wanted: Subscription = WANTED,
    seen: frozenset[bytes] = frozenset(),
) -> RefreshPlan:
    return decide(
        feed,
        wanted,
        outcome,
        document,
        Memory(dict.fromkeys(seen, 0)),
        body_hash=b"h",
        now=NOW,
        chance=0.0,
        limits=PollLimits(),
    )


def document(count: int = 3) -> ParsedFeed:
    entries = [
        parsed(str(n), published_at=NOW - timedelta(days=n)) for n in range(count)
    ]  # the newest first, as documents list them
    return ParsedFeed("Title", entries=tuple(entries))


def owed(of: RefreshPlan) -> list[tuple[str, list[str]]]:
    return [(new.entry.guid or "", [d.kind for d in new.debts]) for new in of.new_entries]


def test_new_entries_owe_an_alert_and_a_digest_oldest_first() -> None:
    assert owed(plan(document=document(2))) == [
        ("1", ["alert", "digest"]),
        ("0", ["alert", "digest"]),
    ]


def test_the_first_fetch_is_silent() -> None:
    first = plan(NEW, document=document())
    assert owed(first) == [("2", []), ("1", []), ("0", [])]
    assert all(new.first_fetch for new in first.new_entries)
    assert first.feed.baseline_at == NOW


@pytest.mark.parametrize(
    ("first", "admitted"),
    [
        (FirstFetch("all"), ["2", "1", "0"]),
        (FirstFetch("newest", count=2), ["1", "0"]),
        (FirstFetch("since", day=date(2026, 11, 23)), ["1", "0"]),
    ],
)
def test_what_a_first_fetch_admits_goes_to_digests_never_to_alerts(
    first: FirstFetch, admitted: list[str]
) -> None:
    got = owed(plan(NEW, document=document(), wanted=replace(WANTED, first=first)))
    assert [guid for guid, kinds in got if kinds] == admitted
    assert all(kinds in ([], ["digest"]) for _, kinds in got)


def test_a_known_document_has_nothing_new() -> None:
    first = plan(document=document())
    keys = frozenset(key for new in first.new_entries for key in new.keys)
    assert plan(document=document(), seen=keys).new_entries == ()


def test_a_304_keeps_the_validators_it_does_not_refresh() -> None:
    got = plan(outcome=NotModified(Validators(etag='"new"'), {}))
    assert got.feed.validators == Validators('"new"', "Mon")
    assert got.outcome == "not modified"


@pytest.mark.parametrize(
    ("outcome", "read", "word"),
    [
        (Failed("HTTP 500", 500), None, "failed"),
        (FETCHED, Unreadable("an HTML page, not a feed"), "unreadable"),
    ],
)
def test_a_failure_costs_nothing_that_was_known(
    outcome: FetchOutcome, read: Unreadable | None, word: str
) -> None:
    troubled = plan(outcome=outcome, document=read)
    assert troubled.outcome == word
    assert troubled.feed.validators == KNOWN.validators
    assert (troubled.feed.failures, troubled.feed.failing_since) == (1, NOW)
    well = plan(troubled.feed, document=document())
    assert (well.feed.failures, well.feed.failing_since, well.feed.last_error) == (0, None, "")


def test_a_410_ends_a_feed_and_says_so() -> None:
    got = plan(outcome=Gone())
    assert got.feed.gone_at == NOW
    assert got.feed.next_poll_at is None
    assert "410" in got.feed.last_error


def test_retry_after_binds_everyone() -> None:
    got = plan(outcome=Failed("HTTP 429", 429, retry_after="600"))
    assert got.feed.blocked_until == NOW + timedelta(minutes=10)
    assert got.feed.next_poll_at is not None
    assert got.feed.next_poll_at >= NOW + timedelta(minutes=10)


def test_same_bytes_refresh_the_validators_alone() -> None:
    got = plan(document=None)
    assert got.outcome == "same bytes"
    assert got.feed.validators == Validators('"v2"')
    assert got.new_entries == ()


@given(st.lists(st.integers(0, 30), max_size=20), st.randoms())
def test_every_entry_is_new_exactly_once_whatever_the_order(guids: list[int], rng: object) -> None:
    seen: frozenset[bytes] = frozenset()
    counted: list[str] = []
    for start in range(3):
        chosen = [parsed(str(guid)) for guid in guids[start:]]
        got = plan(document=ParsedFeed("T", entries=tuple(chosen)), seen=seen)
        counted += [new.entry.guid or "" for new in got.new_entries]
        seen |= {key for new in got.new_entries for key in new.keys}
    assert len(counted) == len(set(counted))
    assert set(counted) == {str(guid) for guid in guids}


def test_a_first_document_is_history_to_learn_from() -> None:
    result = plan(NEW, document=document(12))
    assert result.learned
    assert result.feed.rhythm.posted == NOW.timestamp()
    assert result.feed.listed == 12


def test_a_poll_that_finds_nothing_is_not_worth_a_write_yet_counts() -> None:
    known = plan(NEW, document=document(12)).feed
    later = NOW + timedelta(days=3)
    quiet = decide(
        replace(known, last_ok_at=later),
        WANTED,
        NotModified(Validators(), {}),
        None,
        Memory(),
        now=later + timedelta(hours=1),
        chance=0.0,
        limits=PollLimits(),
    )
    assert not quiet.learned
    assert quiet.feed.rhythm.tables == known.rhythm.tables
    assert quiet.feed.rhythm.sums < known.rhythm.sums


def test_what_was_published_since_is_learned() -> None:
    known = plan(NEW, document=document(12)).feed
    fresh = ParsedFeed("Title", entries=(parsed("x", published_at=NOW + timedelta(hours=30)),))
    when = NOW + timedelta(hours=31)
    found = decide(
        known,
        WANTED,
        FETCHED,
        fresh,
        Memory(),
        now=when,
        chance=0.0,
        limits=PollLimits(),
    )
    assert found.learned
    assert found.feed.rhythm.posted == (NOW + timedelta(hours=30)).timestamp()


def test_a_failure_teaches_nothing() -> None:
    assert not plan(NEW, Failed("HTTP 500")).learned
    assert not plan(NEW, document=Unreadable("no feed")).learned
