"""What is followed, and who may ask it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from digestd.core.health import health
from digestd.core.models import Feed, Validators, Watch
from digestd.core.notices import of_feeds
from digestd.errors import SubscriptionError, UsageError
from digestd.store import daemons, feeds
from digestd.store.db import Database, connect
from digestd.store.owner import is_dead, this_process
from tests.support.nouns import NOW, followed

LATER = NOW + timedelta(minutes=5)


def test_a_due_feed_is_leased_once(db: Database) -> None:
    followed(db)
    assert len(feeds.lease_due(db, "one", NOW, LATER, 10)) == 1
    assert feeds.lease_due(db, "two", NOW, LATER, 10) == []


def test_a_lease_that_ran_out_may_be_taken(db: Database) -> None:
    followed(db)
    feeds.lease_due(db, "one", NOW, LATER, 10)
    assert feeds.lease_due(db, "two", LATER + timedelta(seconds=1), LATER + timedelta(hours=1), 10)


def test_the_leases_of_the_dead_are_taken_back_at_once(db: Database) -> None:
    followed(db)
    boot, namespace, _, _ = this_process().split(":")
    dead = f"{boot}:{namespace}:4194300:1"  # beyond the largest PID of a usual system
    feeds.lease_due(db, dead, NOW, LATER, 10)
    assert daemons.dead_holders(db, this_process()) == [dead]
    daemons.free(db, [dead])
    assert len(feeds.lease_due(db, this_process(), NOW, LATER, 10)) == 1


def test_a_living_owner_is_not_dead_and_another_boot_is() -> None:
    boot, namespace, pid, started = this_process().split(":")
    assert not is_dead(this_process())
    assert is_dead(f"{boot}:{namespace}:{pid}:{int(started) + 1}")
    assert is_dead(f"another-boot:{namespace}:{pid}:{started}")
    assert not is_dead(f"{boot}:1:{pid}:{started}")  # another container: unknown, so alive


def test_a_feed_is_found_by_any_unambiguous_beginning(db: Database) -> None:
    followed(db, "https://a.example/feed", "https://ab.example/feed")
    assert feeds.find(db, "a.example").url == "https://a.example/feed"
    assert feeds.find(db, "https://ab").url == "https://ab.example/feed"
    with pytest.raises(UsageError, match=r"ab\.example"):
        feeds.find(db, "a")
    with pytest.raises(SubscriptionError, match="no feed is called"):
        feeds.find(db, "zzz")
    with pytest.raises(UsageError):
        feeds.find(db, "")


def test_polling_all_leaves_those_alone_that_asked_for_patience(db: Database) -> None:
    feed, other = followed(db, "https://a.example/", "https://b.example/")
    until = NOW + timedelta(hours=1)
    feeds.record_poll(db, replace(feed, next_poll_at=until, blocked_until=until))
    feeds.record_poll(db, replace(other, next_poll_at=until))
    feeds.make_due(db, NOW)
    assert [f.url for f in feeds.lease_due(db, "me", NOW, LATER, 10)] == ["https://b.example/"]


def test_everything_a_poll_learned_comes_back(db: Database) -> None:
    [feed] = followed(db)
    learned = replace(
        feed,
        title="Title",
        validators=Validators('"v1"', "Tue, 24 Nov 2026 08:00:00 GMT", "https://c.example"),
        body_hash=b"hash",
        wire_hash=b"as it came",
        next_poll_at=LATER,
        last_polled_at=NOW,
        last_ok_at=NOW,
        last_entry_at=NOW,
        failures=3,
        failing_since=NOW,
        last_error="HTTP 500",
        baseline_at=NOW,
        blocked_until=LATER,
        recent_gaps=(1.5, 2.0),
        ttl=timedelta(minutes=90),
        skip_hours=frozenset({1, 2}),
        skip_days=frozenset({6}),
    )
    feeds.record_poll(db, learned)
    assert feeds.by_pk(db, [feed.pk])[feed.pk] == learned


def learn_all_sorts(db: Database, count: int = 300) -> None:
    """Follow feeds that fare in every way there is."""
    dice = Random(7)

    def moment() -> datetime | None:
        return dice.choice([None, NOW - timedelta(days=dice.uniform(0, 60))])

    followed(db, *(f"https://{n}.example/" for n in range(count)))
    for feed in feeds.all_active(db):
        learned = replace(
            feed,
            next_poll_at=NOW + timedelta(minutes=dice.uniform(-60, 60)),
            failures=dice.choice([0, 0, 0, 4]),
            failing_since=moment(),
            last_error=dice.choice(["", "broken"]),
            gone_at=dice.choice([None, None, None, moment()]),
            baseline_at=moment(),
            last_entry_at=moment(),
            recent_gaps=tuple(dice.uniform(0, 900_000) for _ in range(dice.randrange(7))),
            watch=dice.choice([Watch(), Watch(), Watch(moved_to="https://moved.example/")]),
        )
        feeds.record_poll(db, learned)


def test_how_feeds_fare_is_counted_without_reading_them(db: Database) -> None:
    learn_all_sorts(db)
    every = feeds.all_active(db)
    states = Counter(health(feed, NOW) for feed in every)
    assert feeds.healths(db, NOW) == states
    assert set(states) == {"well", "quiet", "failing", "gone", "new"}
    some = every[::3]
    assert feeds.healths(db, NOW, [f.pk for f in some]) == Counter(health(f, NOW) for f in some)
    since = NOW - timedelta(minutes=5)
    waiting = [f for f in every if f.gone_at is None and f.next_poll_at and f.next_poll_at < since]
    assert feeds.late(db, since) == len(waiting) > 0
    broken = [(f.id, f.last_error) for f in every if f.failures >= 3 or f.gone_at is not None]
    assert feeds.broken(db, 3, 5) == (broken[:5], len(broken))
    assert len(broken) > 5


def test_who_looks_for_trouble_misses_none_by_not_reading_every_feed(db: Database) -> None:
    learn_all_sorts(db)
    dice = Random(8)
    every = feeds.all_active(db)
    told = {(f"feed:{feed.id}", "silent"): NOW for feed in dice.sample(every, 40)}
    for known in ({}, told):
        ids = [subject.removeprefix("feed:") for subject, _ in known]
        looked_at = sorted(feeds.in_trouble(db, ids, NOW), key=lambda feed: feed.id)
        found = of_feeds(looked_at, known, NOW, timedelta(hours=6))
        assert found == of_feeds(every, known, NOW, timedelta(hours=6))
        assert {one.trouble for one in found} == {"failing", "gone", "moved", "silent"}
        assert len(looked_at) < len(every)


def plans_of(db: Database, work: Callable[[], object]) -> list[str]:
    """Return how SQLite finds the rows of each statement that `work` runs."""
    statements: list[str] = []
    db.conn.set_trace_callback(statements.append)
    work()
    db.conn.set_trace_callback(None)
    return [
        step[3]
        for statement in statements
        for step in db.conn.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]


@pytest.mark.parametrize(
    "work",
    [
        lambda db, _: feeds.lease_due(db, "me", NOW, LATER, 10),
        lambda db, feed: feeds.lease_one(db, feed.pk, "me", NOW, LATER),
        lambda db, _: feeds.next_due_at(db),
        lambda db, _: feeds.renew(db, "me", LATER),
        lambda db, feed: feeds.postpone(db, feed.pk, "me", LATER),
        lambda db, _: feeds.lease_holders(db),
        feeds.record_poll,
    ],
    ids=["lease", "lease one", "next", "renew", "postpone", "holders", "record"],
)
def test_what_each_poll_asks_of_the_store_costs_the_same_for_any_number_of_feeds(
    db: Database, work: Callable[[Database, Feed], object]
) -> None:
    [feed] = followed(db)
    steps = plans_of(db, lambda: work(db, feed))
    assert any(step.startswith("SEARCH feeds USING") for step in steps)
    assert not [step for step in steps if step.startswith("SCAN")]


def test_feeds_of_an_older_version_are_found_silent_too(tmp_path: Path) -> None:
    path = tmp_path / "digestd.db"
    old = connect(path)
    [feed] = followed(old)
    days = tuple(float(86_400 * n) for n in (1, 2, 1))
    since = NOW - timedelta(days=9)
    feeds.record_poll(old, replace(feed, recent_gaps=days, baseline_at=since, last_entry_at=since))
    old.conn.execute("ALTER TABLE feeds DROP COLUMN usual_silence")
    old.conn.execute("DELETE FROM _sqlite_migrations WHERE name = 'm013_silence'")
    old.conn.commit()
    old.conn.close()
    new = connect(path)
    assert [one.pk for one in feeds.in_trouble(new, (), NOW)] == [feed.pk]
    assert feeds.in_trouble(new, (), NOW - timedelta(days=5)) == []
    new.conn.close()
