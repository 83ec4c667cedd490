"""What happens to a feed when the configuration changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digestd.core.models import Feed, Subscription, Validators
from digestd.store import feeds, following
from digestd.store.db import Database
from tests.support.nouns import NOW, URL, followed, new, seen

LATER = NOW + timedelta(minutes=5)


def test_an_id_given_later_keeps_what_was_seen(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1"))
    following.follow(db, [Subscription(URL, id="mine")], NOW)
    [renamed] = feeds.all_active(db)
    assert (renamed.pk, renamed.id) == (feed.pk, "mine")
    following.follow(db, [Subscription("https://b.example/feed", id="mine")], NOW)
    [moved] = feeds.all_active(db)
    assert moved.pk == feed.pk
    assert moved.validators == Validators()


def test_a_feed_that_returns_still_knows_its_entries(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1"))
    following.follow(db, [], NOW)
    assert feeds.all_active(db) == []
    [again] = followed(db)
    assert again.pk == feed.pk
    assert seen(db, again, new("1"), new("2")) == 1


def test_feeds_may_swap_their_addresses(db: Database) -> None:
    a, b = Subscription(URL, id="a"), Subscription("https://b.example/feed", id="b")
    following.follow(db, [a, b], NOW)
    before = {feed.id: feed.pk for feed in feeds.all_active(db)}
    swapped = [replace(a, url=b.url), replace(b, url=a.url)]
    assert following.follow(db, swapped, NOW) == {before["a"]: swapped[0], before["b"]: swapped[1]}
    assert {feed.id: (feed.pk, feed.url) for feed in feeds.all_active(db)} == {
        "a": (before["a"], b.url),
        "b": (before["b"], a.url),
    }


def test_an_id_claims_its_feed_though_another_is_at_its_old_address(db: Database) -> None:
    [old] = followed(db)
    moved = Subscription("https://new.example/", id=old.id)
    following.follow(db, [Subscription(URL), moved], NOW)
    by_url = {feed.url: feed for feed in feeds.all_active(db)}
    assert by_url["https://new.example/"].pk == old.pk
    assert by_url[URL].pk != old.pk
    assert by_url[URL].id != old.id


def test_a_shorter_interval_counts_at_once_and_a_longer_one_from_the_next_poll(
    db: Database,
) -> None:
    def follow(interval: timedelta | None) -> Feed:
        wanted = Subscription(URL, interval=interval)
        following.follow(db, [wanted], NOW)
        [feed] = feeds.all_active(db)
        return feed

    feed = follow(None)
    due = NOW + timedelta(hours=5)
    feeds.record_poll(db, replace(feed, last_polled_at=NOW, next_poll_at=due))
    assert follow(timedelta(days=1)).next_poll_at == due
    assert follow(timedelta(minutes=1)).next_poll_at == NOW + timedelta(minutes=1)
    blocked = replace(feed, last_polled_at=NOW, next_poll_at=due, blocked_until=due)
    feeds.record_poll(db, blocked)
    assert follow(timedelta(minutes=1)).next_poll_at == due


def test_following_the_same_again_writes_nothing(db: Database) -> None:
    wanted = [
        Subscription(URL, name="One", id="one"),
        Subscription("https://b.example/feed", interval=timedelta(hours=1)),
    ]
    first = following.follow(db, wanted, NOW)
    before = db.conn.total_changes
    assert following.follow(db, wanted, LATER) == first
    assert db.conn.total_changes == before
