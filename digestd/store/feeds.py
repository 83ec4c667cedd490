"""Rows of `feeds`: what is followed, when it is due, and who is asking it now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from digestd.core.health import Health, usual_silence
from digestd.core.links import without_secrets
from digestd.core.models import Feed
from digestd.errors import SubscriptionError, UsageError
from digestd.store.database import Database
from digestd.store.db import moment_or_none, stamp, stamp_or_none
from digestd.store.feedrows import feed_of, stored_watch

# A lease brings the rhythm along.
_RHYTHM = "(SELECT state FROM rhythms WHERE feed_pk = feeds.pk) AS rhythm"


def all_active(db: Database) -> list[Feed]:
    """Return every followed feed, by id."""
    return [feed_of(row) for row in db.query("SELECT * FROM feeds WHERE active ORDER BY id")]


def in_trouble(db: Database, told: Iterable[str], now: datetime) -> list[Feed]:
    """Return the followed feeds of which there may be something to tell: the others fare well.

    Those that fail, are gone, are watched, or have fallen silent since they are
    followed; and those whose id is in `told`, whatever they do now.
    """
    rows = db.query(
        "SELECT * FROM feeds WHERE active AND (failures OR gone_at IS NOT NULL OR watch <> '{}'"
        " OR last_entry_at + usual_silence BETWEEN baseline_at AND :now"
        " OR id IN (SELECT value FROM json_each(:told)))",
        {"now": stamp(now), "told": json.dumps(list(told))},
    )
    return [feed_of(row) for row in rows]


def by_pk(db: Database, pks: Iterable[int]) -> dict[int, Feed]:
    """Return the feeds of these rows, whether still followed or not."""
    wanted = sorted(set(pks))
    marks = ",".join("?" * len(wanted))
    rows = db.query(f"SELECT * FROM feeds WHERE pk IN ({marks})", wanted)
    return {row["pk"]: feed_of(row) for row in rows}


def find(db: Database, text: str) -> Feed:
    """Return the followed feed with this id, name or URL, or an unambiguous beginning of one.

    Raises SubscriptionError if there is none, UsageError if there are several.
    """
    folded = text.casefold()
    exact: list[tuple[int, str]] = []
    begun: list[tuple[int, str]] = []
    # Names alone: there may be very many, and one is wanted.
    rows = db.conn.execute("SELECT pk, id, name, title, url FROM feeds WHERE active ORDER BY id")
    for pk, *names in rows:
        folds = [n.casefold() for n in (*names, names[-1].partition("://")[2]) if n]
        if any(name.startswith(folded) for name in folds):
            (exact if folded in folds else begun).append((pk, names[0]))
    found = exact or begun
    shown = without_secrets(text)
    if not found:
        raise SubscriptionError(f"no feed is called {shown!r}; `digestd feeds` lists them")
    if len(found) > 1:
        names_of = ", ".join(feed_id for _, feed_id in found[:5])
        raise UsageError(f"{shown!r} could be any of {names_of}{' …' if len(found) > 5 else ''}")
    [(pk, _)] = found
    return by_pk(db, [pk])[pk]


def get(db: Database, pk: int) -> Feed | None:
    """Return a followed feed with its rhythm, without a lease; None if there is none."""
    rows = db.query(f"SELECT *, {_RHYTHM} FROM feeds WHERE pk = ? AND active", [pk])
    return next((feed_of(row) for row in rows), None)


def at(db: Database, url: str) -> Feed | None:
    """Return the feed that is followed at `url`, with its rhythm; None if there is none."""
    rows = db.query(f"SELECT *, {_RHYTHM} FROM feeds WHERE url = ? AND active", [url])
    return next((feed_of(row) for row in rows), None)


def lease_due(
    db: Database, owner: str, now: datetime, until: datetime, limit: int, *, well: bool = False
) -> list[Feed]:
    """Take up to `limit` due feeds for `owner` until `until`, longest due first.

    `well`: those alone that are neither new nor failing. One statement, so two processes
    on one database never take the same feed.
    """
    only = " AND failures = 0 AND baseline_at IS NOT NULL" if well else ""
    rows = db.query(
        "UPDATE feeds SET lease_owner = :owner, lease_until = :until WHERE pk IN ("
        " SELECT pk FROM feeds WHERE active AND gone_at IS NULL AND next_poll_at <= :now"
        f" AND (lease_owner IS NULL OR lease_until < :now){only}"
        " ORDER BY next_poll_at LIMIT :limit"
        f") RETURNING *, {_RHYTHM}",
        {"owner": owner, "until": stamp(until), "now": stamp(now), "limit": limit},
    )
    return sorted((feed_of(row) for row in rows), key=lambda f: (f.next_poll_at or now, f.pk))


def lease_one(db: Database, pk: int, owner: str, now: datetime, until: datetime) -> Feed | None:
    """Take this feed, due or not; None if another process is asking it just now."""
    rows = db.query(
        "UPDATE feeds SET lease_owner = :owner, lease_until = :until WHERE pk = :pk"
        f" AND (lease_owner IS NULL OR lease_until < :now) RETURNING *, {_RHYTHM}",
        {"owner": owner, "until": stamp(until), "now": stamp(now), "pk": pk},
    )
    return next((feed_of(row) for row in rows), None)


def make_due(db: Database, now: datetime) -> None:
    """Let every followed feed be due at once, but for those that have asked for patience."""
    db.conn.execute(
        "UPDATE feeds SET next_poll_at = :now WHERE active AND gone_at IS NULL"
        " AND (blocked_until IS NULL OR blocked_until <= :now)",
        {"now": stamp(now)},
    )


def revive(db: Database, url: str, now: datetime) -> bool:
    """Let the feed at `url`, which its publisher ended, be asked again; False if it had not."""
    done = db.conn.execute(
        "UPDATE feeds SET gone_at = NULL, failures = 0, failing_since = NULL, last_error = '',"
        " next_poll_at = ? WHERE url = ? AND active AND gone_at IS NOT NULL",
        (stamp(now), url),
    )
    return done.rowcount > 0


def release(db: Database, pk: int, owner: str) -> None:
    """Give up a lease without having asked."""
    db.conn.execute(
        "UPDATE feeds SET lease_owner = NULL, lease_until = NULL WHERE pk = ? AND lease_owner = ?",
        (pk, owner),
    )


def renew(db: Database, owner: str, until: datetime) -> None:
    """Keep every feed that `owner` has taken until `until`."""
    db.conn.execute("UPDATE feeds SET lease_until = ? WHERE lease_owner = ?", (stamp(until), owner))


def postpone(db: Database, pk: int, owner: str, until: datetime) -> None:
    """Give up a lease without having learned anything; the feed is due again at `until`."""
    db.conn.execute(
        "UPDATE feeds SET next_poll_at = ?, lease_owner = NULL, lease_until = NULL"
        " WHERE pk = ? AND lease_owner = ?",
        (stamp(until), pk, owner),
    )


def lease_holders(db: Database) -> set[str]:
    """Return who holds a lease on a feed."""
    rows = db.conn.execute("SELECT DISTINCT lease_owner FROM feeds WHERE lease_owner IS NOT NULL")
    return {row[0] for row in rows}


def free_leases_of(db: Database, owner: str) -> None:
    """Take back every feed that `owner` has leased."""
    db.conn.execute(
        "UPDATE feeds SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = ?", (owner,)
    )


def next_due_at(db: Database) -> datetime | None:
    """Return when the next feed that nobody is asking is due; None if there is none."""
    row = db.conn.execute(
        "SELECT min(next_poll_at) FROM feeds"
        " WHERE active AND gone_at IS NULL AND lease_owner IS NULL"
    ).fetchone()
    return moment_or_none(row[0])


def record_poll(db: Database, feed: Feed) -> None:
    """Store what a document has made of `feed`, and end its lease. The caller has the transaction.

    The owner's name, the id and the address are the configuration's, not a poll's.
    """
    db.conn.execute(
        "UPDATE feeds SET home_url = ?, icon_url = ?, language = ?, body_hash = ?,"
        " last_entry_at = ?, baseline_at = ?, recent_gaps = ?, usual_silence = ?, ttl_seconds = ?,"
        " skip_hours = ?, skip_days = ?, listed = ? WHERE pk = ? AND url = ?",
        (
            feed.home_url,
            feed.icon_url,
            feed.language,
            feed.body_hash,
            stamp_or_none(feed.last_entry_at),
            stamp_or_none(feed.baseline_at),
            json.dumps(feed.recent_gaps),
            _microseconds(usual_silence(feed.recent_gaps)),
            feed.ttl.total_seconds() if feed.ttl is not None else None,
            json.dumps(sorted(feed.skip_hours)),
            json.dumps(sorted(feed.skip_days)),
            feed.listed,
            feed.pk,
            feed.url,
        ),
    )
    record_asked(db, feed)


def record_asked(db: Database, feed: Feed) -> None:
    """Store what was learned by asking `feed`, with no document to read, and end its lease.

    So most polls end. The caller has the transaction.
    """
    db.conn.execute(
        "UPDATE feeds SET title = ?, etag = ?, last_modified = ?, validators_origin = ?,"
        " wire_hash = ?, next_poll_at = ?, last_polled_at = ?, last_ok_at = ?, failures = ?,"
        " failing_since = ?, last_error = ?, gone_at = ?, blocked_until = ?, watch = ?,"
        " lease_owner = NULL, lease_until = NULL WHERE pk = ? AND url = ?",
        (
            feed.title,
            feed.validators.etag,
            feed.validators.last_modified,
            feed.validators.origin,
            feed.wire_hash,
            stamp_or_none(feed.next_poll_at),
            stamp_or_none(feed.last_polled_at),
            stamp_or_none(feed.last_ok_at),
            feed.failures,
            stamp_or_none(feed.failing_since),
            feed.last_error,
            stamp_or_none(feed.gone_at),
            stamp_or_none(feed.blocked_until),
            stored_watch(feed.watch),
            feed.pk,
            feed.url,
        ),
    )


def record_push(db: Database, feed: Feed) -> None:
    """Store what a hub's delivery has made of `feed`. The caller holds the transaction.

    A poll may be under way: its lease stays, and what only polls learn.
    """
    db.conn.execute(
        "UPDATE feeds SET next_poll_at = min(next_poll_at, ?),"
        " last_entry_at = nullif(max(ifnull(last_entry_at, 0), ifnull(?, 0)), 0) WHERE pk = ?",
        (stamp_or_none(feed.next_poll_at), stamp_or_none(feed.last_entry_at), feed.pk),
    )


def due_now(db: Database, pks: Iterable[int], now: datetime) -> None:
    """Let these feeds be asked at once: nobody tells of their posts any more."""
    db.conn.executemany(
        "UPDATE feeds SET next_poll_at = min(next_poll_at, ?) WHERE pk = ?",
        [(stamp(now), pk) for pk in pks],
    )


def ended(db: Database) -> set[int]:
    """Return the followed feeds that are asked no more: their publishers have ended them."""
    rows = db.conn.execute("SELECT pk FROM feeds WHERE active AND gone_at IS NOT NULL")
    return {row[0] for row in rows}


def ids(db: Database) -> dict[int, str]:
    """Return what users call each followed feed."""
    return dict(db.conn.execute("SELECT pk, id FROM feeds WHERE active").fetchall())


def counts(db: Database) -> dict[str, int]:
    """Return how many followed feeds are well, failing, gone, or not fetched yet."""
    rows = db.conn.execute(
        "SELECT CASE WHEN gone_at IS NOT NULL THEN 'gone' WHEN failures THEN 'failing'"
        " WHEN baseline_at IS NULL THEN 'new' ELSE 'well' END AS state, count(*)"
        " FROM feeds WHERE active GROUP BY state"
    )
    return dict.fromkeys(("well", "failing", "gone", "new"), 0) | dict(rows.fetchall())


def healths(db: Database, now: datetime, among: Collection[int] | None = None) -> Counter[Health]:
    """Return how many followed feeds are in each state of `core.health`, without reading them.

    `among` are the rows of those that count; None: all do.
    """
    rows = db.conn.execute(
        "SELECT CASE WHEN gone_at IS NOT NULL THEN 'gone' WHEN failures THEN 'failing'"
        " WHEN baseline_at IS NULL THEN 'new' WHEN last_entry_at + usual_silence < :now"
        " THEN 'quiet' ELSE 'well' END AS state, count(*) FROM feeds WHERE active"
        " AND (:among IS NULL OR pk IN (SELECT value FROM json_each(:among))) GROUP BY state",
        {"now": stamp(now), "among": None if among is None else json.dumps(list(among))},
    )
    return Counter(dict(rows.fetchall()))


def late(db: Database, since: datetime) -> int:
    """Return how many feeds have been due since before `since`."""
    row = db.conn.execute(
        "SELECT count(*) FROM feeds WHERE active AND gone_at IS NULL AND next_poll_at < ?",
        (stamp(since),),
    ).fetchone()
    return int(row[0])


def broken(db: Database, failures: int, limit: int) -> tuple[list[tuple[str, str]], int]:
    """Return (id, error) of the first feeds that are gone or fail so often; and of how many."""
    of = "FROM feeds WHERE active AND (failures >= ? OR gone_at IS NOT NULL)"
    rows = db.conn.execute(f"SELECT id, last_error {of} ORDER BY id LIMIT ?", (failures, limit))
    return rows.fetchall(), db.conn.execute(f"SELECT count(*) {of}", (failures,)).fetchone()[0]


def posts_per_week(db: Database, now: datetime, weeks: int = 8) -> dict[int, float]:
    """Return how many entries a week each feed has brought, by publication, lately."""
    since = stamp(now) - weeks * 7 * 86_400_000_000
    rows = db.query(
        "SELECT feed_pk, count(*) AS posts, min(coalesce(published_at, seen_at)) AS oldest"
        " FROM entries WHERE coalesce(published_at, seen_at) > ? GROUP BY feed_pk",
        (since,),
    )
    week = 7 * 86_400_000_000
    return {
        row["feed_pk"]: row["posts"] / max(1.0, (stamp(now) - row["oldest"]) / week) for row in rows
    }


def _microseconds(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(microseconds=1)
