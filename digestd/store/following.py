"""Following: the rows of `feeds` are made what the configuration lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from digestd.core.feedids import free_id
from digestd.core.models import Subscription
from digestd.store.database import Database
from digestd.store.db import stamp


class _Known(NamedTuple):
    """What following has to know of a row."""

    pk: int
    id: str
    url: str
    name: str
    active: int


def follow(
    db: Database, subscriptions: Iterable[Subscription], now: datetime
) -> dict[int, Subscription]:
    """Make the store follow exactly `subscriptions`; return each by its feed's `pk`.

    A feed is known by its configured id, else by its URL. One that is no longer
    configured is put to rest, not deleted: what was seen stays seen if it returns.
    Where nothing has changed, nothing is written.
    """
    subscriptions = list(subscriptions)
    rows = db.conn.execute("SELECT pk, id, url, name, active FROM feeds")
    known = {row[0]: _Known(*row) for row in rows}
    by_id = {row.id: pk for pk, row in known.items()}
    by_url = {row.url: pk for pk, row in sorted(known.items(), key=lambda i: i[1].active)}
    followed: dict[int, Subscription] = {}
    fresh: list[Subscription] = []
    # An id claims its row first, though another feed may be at the row's old address by now.
    for subscription in sorted(subscriptions, key=lambda one: one.id not in by_id):
        pk = by_id.get(subscription.id) if subscription.id else None
        if pk is None:  # without an id, or the owner has just given it one
            pk = by_url.get(subscription.url)
        if pk is None or pk in followed:
            fresh.append(subscription)
        else:
            followed[pk] = subscription
    _rest(db, known, followed)
    for pk, subscription in followed.items():
        _update(db, known[pk], subscription, now)
    if fresh:
        followed |= _inserted(db, fresh, now)
    _hasten(db, subscriptions)
    return followed


def _hasten(db: Database, subscriptions: Iterable[Subscription]) -> None:
    """Let no feed wait longer than its owner's interval, which may be shorter than it was."""
    microsecond = timedelta(microseconds=1)
    spans = [(s.interval // microsecond, s.url) for s in subscriptions if s.interval]
    db.conn.executemany(
        "UPDATE feeds SET next_poll_at = last_polled_at + ?1 WHERE active AND url = ?2"
        " AND next_poll_at > last_polled_at + ?1 AND failures = 0 AND blocked_until IS NULL"
        " AND skip_hours = '[]' AND skip_days = '[]'",
        spans,
    )


def _rest(db: Database, known: dict[int, _Known], wanted: dict[int, Subscription]) -> None:
    """Put to rest what is wanted no longer, and for a moment what moves: feeds may swap places."""
    db.conn.executemany(
        "UPDATE feeds SET active = 0 WHERE pk = ?",
        [
            (pk,)
            for pk, row in known.items()
            if row.active and (pk not in wanted or wanted[pk].url != row.url)
        ],
    )


def _update(db: Database, row: _Known, wanted: Subscription, now: datetime) -> None:
    name, feed_id = wanted.name or "", wanted.id or row.id
    if row == (row.pk, feed_id, wanted.url, name, 1):
        return
    if row.url != wanted.url or not row.active:
        # Another address answers for itself: its validators are not the old one's.
        db.conn.execute(
            "UPDATE feeds SET url = ?, etag = NULL, last_modified = NULL, body_hash = NULL,"
            " wire_hash = NULL, watch = '{}', gone_at = NULL, failures = 0, failing_since = NULL,"
            " next_poll_at = ? WHERE pk = ?",
            (wanted.url, stamp(now), row.pk),
        )
    # Last: two active feeds never have one address, not even for a moment.
    db.conn.execute(
        "UPDATE feeds SET active = 1, id = ?, name = ? WHERE pk = ?", (feed_id, name, row.pk)
    )


def _inserted(
    db: Database, fresh: Sequence[Subscription], now: datetime
) -> dict[int, Subscription]:
    """Make a row for each of these; return them by its `pk`."""
    taken = {row[0] for row in db.conn.execute("SELECT id FROM feeds")}
    rows = []
    for wanted in fresh:
        feed_id = wanted.id or free_id(wanted.url, taken)
        taken.add(feed_id)
        rows.append((feed_id, wanted.url, wanted.name or "", stamp(now)))
    db.conn.executemany("INSERT INTO feeds (id, url, name, next_poll_at) VALUES (?, ?, ?, ?)", rows)
    pks = dict(db.conn.execute("SELECT url, pk FROM feeds WHERE active").fetchall())
    return {pks[wanted.url]: wanted for wanted in fresh}
