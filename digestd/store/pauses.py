"""Rows of `pauses`: what is silent for a while, and what becomes of what came meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from digestd.core.models import Subscription
from digestd.core.pausing import Pause, Pauses
from digestd.store import owed
from digestd.store.db import Database, moment, moment_or_none, stamp, stamp_or_none

# What silences a channel `c` at :now, for the outbox to ask.
CHANNEL_IS_SILENT = (
    "EXISTS (SELECT 1 FROM pauses p WHERE p.what IN ('all', 'channel:' || c.name)"
    " AND (p.until IS NULL OR p.until > :now))"
)


def begin(db: Database, pause: Pause) -> None:
    """Pause something; a pause of the same thing goes on under the new terms."""
    db.conn.execute(
        "INSERT INTO pauses (what, since, until, dropping) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (what) DO UPDATE SET until = excluded.until, dropping = excluded.dropping",
        (pause.what, stamp(pause.since), stamp_or_none(pause.until), pause.dropping),
    )


def in_force(db: Database, now: datetime) -> Pauses:
    """Return what is paused now."""
    return Pauses(tuple(pause for pause in everything(db) if pause.ends_at > now))


def everything(db: Database) -> list[Pause]:
    """Return all pauses, those too whose time is over and not yet seen to."""
    rows = db.query("SELECT what, since, until, dropping FROM pauses ORDER BY since, what")
    return [
        Pause(
            row["what"], moment(row["since"]), moment_or_none(row["until"]), bool(row["dropping"])
        )
        for row in rows
    ]


def tags_of(followed: Mapping[int, Subscription], pk: int) -> tuple[str, ...]:
    """Return the tags of a feed; of one that is followed no longer, none."""
    return followed[pk].tags if pk in followed else ()


def silent_feeds(db: Database, followed: Mapping[int, Subscription], now: datetime) -> set[int]:
    """Return the feeds (by `Feed.pk`) of which nothing is told now."""
    pauses = in_force(db, now)
    if not pauses.pauses:
        return set()
    ids = dict(db.conn.execute("SELECT pk, id FROM feeds").fetchall())
    return {pk for pk, feed_id in ids.items() if pauses.of_feed(feed_id, tags_of(followed, pk))}


def end(
    db: Database, pause: Pause, followed: Mapping[int, Subscription], now: datetime
) -> tuple[int, int]:
    """End a pause: what came meanwhile is dropped, or waits no longer.

    Returns how many debts were dropped, and how many alerts have waited. The
    caller holds the transaction.
    """
    dropped = _drop_meanwhile(db, pause, followed, min(now, pause.ends_at)) if pause.dropping else 0
    db.conn.execute("DELETE FROM pauses WHERE what = ?", (pause.what,))
    waited = db.conn.execute(
        "SELECT count(*) FROM owed WHERE message_pk IS NULL AND dropped = '' AND held = 'paused'"
    ).fetchone()[0]
    owed.reconsider(db, now)
    return dropped, waited


def _drop_meanwhile(
    db: Database, pause: Pause, followed: Mapping[int, Subscription], until: datetime
) -> int:
    kind, _, name = pause.what.partition(":")
    scope = "1"
    if kind == "feed":
        scope = "e.feed_pk = (SELECT pk FROM feeds WHERE id = :name)"
    elif kind == "tag":
        scope = "e.feed_pk IN (SELECT value FROM json_each(:pks))"
    elif kind == "channel":
        scope = "owed.kind = 'alert' AND owed.target = :name"
    elif kind == "digest":
        scope = "owed.kind = 'digest' AND owed.target = :name"
    return db.conn.execute(
        "UPDATE owed SET dropped = :why WHERE message_pk IS NULL AND dropped = ''"
        " AND EXISTS (SELECT 1 FROM entries e WHERE e.id = owed.entry_id"
        f" AND e.seen_at BETWEEN :since AND :until AND {scope})",
        {
            "why": f"{pause.what} was paused",
            "since": stamp(pause.since),
            "until": stamp(until),
            "name": name,
            "pks": json.dumps([pk for pk, one in followed.items() if name in one.tags]),
        },
    ).rowcount


def link_secret(db: Database) -> bytes:
    """Return what the addresses of pause pages are made with; it was drawn once, by chance."""
    secret: bytes = db.conn.execute("SELECT secret FROM pause_links").fetchone()[0]
    return secret
