"""Rows of `hub_offers` and `hub_subscriptions`: who tells of which feed, and until when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from digestd.core.hubs import Standing
from digestd.core.websub import HubSubscription, Offer
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none, stamp, stamp_or_none


def offer(db: Database, feed_pk: int, found: Offer | None) -> bool:
    """Note which hubs a document names; return whether that is news.

    The caller holds the transaction.
    """
    if found is None:
        gone = db.conn.execute("DELETE FROM hub_offers WHERE feed_pk = ?", (feed_pk,))
        return gone.rowcount > 0
    row = db.conn.execute(
        "INSERT INTO hub_offers (feed_pk, hubs, topic) VALUES (?, ?, ?)"
        " ON CONFLICT (feed_pk) DO UPDATE SET hubs = excluded.hubs, topic = excluded.topic,"
        " turn = 0, failures = 0, try_at = NULL, reason = ''"
        " WHERE hubs <> excluded.hubs OR topic <> excluded.topic RETURNING 1",
        (feed_pk, json.dumps(found.hubs), found.topic),
    ).fetchone()
    return row is not None


def standings(db: Database) -> list[Standing]:
    """Return every followed feed that names a hub."""
    rows = db.query(
        "SELECT o.* FROM hub_offers o JOIN feeds ON pk = feed_pk"
        " WHERE active AND gone_at IS NULL AND baseline_at IS NOT NULL"
    )
    return [_standing(row) for row in rows]


def note_failure(db: Database, standing: Standing) -> None:
    """Note that a hub could not be won, which one is next, and when."""
    db.conn.execute(
        "UPDATE hub_offers SET reason = ?, failures = ?, turn = ?, try_at = ? WHERE feed_pk = ?",
        (
            standing.reason,
            standing.failures,
            standing.turn,
            stamp_or_none(standing.try_at),
            standing.feed_pk,
        ),
    )


def standing(db: Database, feed_pk: int) -> Standing | None:
    """Return how subscribing goes for one feed."""
    rows = db.query("SELECT * FROM hub_offers WHERE feed_pk = ?", [feed_pk])
    return next((_standing(row) for row in rows), None)


def note_success(db: Database, feed_pk: int) -> None:
    """Note that a hub has verified."""
    db.conn.execute(
        "UPDATE hub_offers SET reason = '', failures = 0, try_at = NULL WHERE feed_pk = ?",
        (feed_pk,),
    )


def add(db: Database, wanted: HubSubscription) -> HubSubscription:
    """Store a subscription that is about to be asked for; return it with its number."""
    row = db.conn.execute(
        "INSERT INTO hub_subscriptions (feed_pk, hub, hub_at, topic, callback, token, secret,"
        " state, asked_at, replaces) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            wanted.feed_pk,
            wanted.hub,
            wanted.hub_at,
            wanted.topic,
            wanted.callback,
            wanted.token,
            wanted.secret,
            wanted.state,
            stamp(wanted.asked_at),
            wanted.replaces,
        ),
    )
    names = [column[0] for column in row.description]
    return _subscription(dict(zip(names, row.fetchone(), strict=True)))


def by_token(db: Database, token: str) -> HubSubscription | None:
    """Return the subscription behind a callback."""
    rows = db.query("SELECT * FROM hub_subscriptions WHERE token = ?", [token])
    return next((_subscription(row) for row in rows), None)


def living(db: Database) -> list[HubSubscription]:
    """Return all that have not ended."""
    rows = db.query("SELECT * FROM hub_subscriptions WHERE state <> 'ended' ORDER BY pk")
    return [_subscription(row) for row in rows]


def confirm(db: Database, pk: int, lease_until: datetime, renew_at: datetime) -> None:
    """Note that a hub has verified; what this one replaces is over."""
    db.conn.execute(
        "UPDATE hub_subscriptions SET state = 'active', lease_until = ?, renew_at = ?"
        " WHERE pk = ? AND state IN ('pending', 'active')",
        (stamp(lease_until), stamp(renew_at), pk),
    )
    # What was heard under the old callback speaks for the hub under the new one.
    db.conn.execute(
        "UPDATE hub_subscriptions SET pushed_at = old.pushed_at, suspect_at = old.suspect_at"
        " FROM hub_subscriptions AS old WHERE hub_subscriptions.pk = ?"
        " AND old.pk = hub_subscriptions.replaces AND old.hub = hub_subscriptions.hub"
        " AND hub_subscriptions.pushed_at IS NULL",
        (pk,),
    )
    db.conn.execute(
        "UPDATE hub_subscriptions SET state = 'ended' WHERE state <> 'ended'"
        " AND pk = (SELECT replaces FROM hub_subscriptions WHERE pk = ?)",
        (pk,),
    )


def end(db: Database, pks: Iterable[int]) -> None:
    """Note that subscriptions are over."""
    db.conn.executemany(
        "UPDATE hub_subscriptions SET state = 'ended' WHERE pk = ?", [(pk,) for pk in pks]
    )


def end_all(db: Database) -> None:
    """Note that push is off: whatever hubs still send is not ours any more."""
    db.conn.execute("UPDATE hub_subscriptions SET state = 'ended' WHERE state <> 'ended'")


def leave(db: Database, pks: Iterable[int], now: datetime) -> None:
    """Note that unsubscribing is about to be asked for."""
    db.conn.executemany(
        "UPDATE hub_subscriptions SET state = 'leaving', asked_at = ? WHERE pk = ?",
        [(stamp(now), pk) for pk in pks],
    )


def moved(db: Database, pk: int, hub_at: str) -> None:
    """Note a hub's new address, after a 308."""
    db.conn.execute("UPDATE hub_subscriptions SET hub_at = ? WHERE pk = ?", (hub_at, pk))


def renew_later(db: Database, pk: int, at: datetime) -> None:
    """Try the renewal of a subscription again then."""
    db.conn.execute("UPDATE hub_subscriptions SET renew_at = ? WHERE pk = ?", (stamp(at), pk))


def heard(db: Database, pk: int, now: datetime) -> None:
    """Note a delivery that was ours; it takes away a suspicion."""
    db.conn.execute(
        "UPDATE hub_subscriptions SET pushed_at = ?, suspect_at = NULL WHERE pk = ?",
        (stamp(now), pk),
    )


def suspect(db: Database, pk: int, now: datetime) -> None:
    """Note that the hub kept a post from us."""
    db.conn.execute("UPDATE hub_subscriptions SET suspect_at = ? WHERE pk = ?", (stamp(now), pk))


def forget_ended(db: Database, before: datetime) -> None:
    """Delete what ended long ago; until then a late delivery is answered with 410."""
    db.conn.execute(
        "DELETE FROM hub_subscriptions WHERE state = 'ended' AND asked_at < ?", (stamp(before),)
    )


def told(db: Database, now: datetime) -> dict[int, bool]:
    """Return the feeds that a hub tells of under a live lease, and whether it has proved itself."""
    rows = db.query(
        "SELECT * FROM hub_subscriptions WHERE state = 'active' AND lease_until > ?", [stamp(now)]
    )
    return {one.feed_pk: one.is_trusted(now) for one in map(_subscription, rows)}


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(
        row["feed_pk"],
        Offer(tuple(json.loads(row["hubs"])), row["topic"]),
        row["turn"],
        row["failures"],
        moment_or_none(row["try_at"]),
        row["reason"],
    )


def _subscription(row: dict[str, Any]) -> HubSubscription:
    return HubSubscription(
        pk=row["pk"],
        feed_pk=row["feed_pk"],
        hub=row["hub"],
        hub_at=row["hub_at"],
        topic=row["topic"],
        callback=row["callback"],
        token=row["token"],
        secret=row["secret"],
        state=row["state"],
        asked_at=moment(row["asked_at"]),
        lease_until=moment_or_none(row["lease_until"]),
        renew_at=moment_or_none(row["renew_at"]),
        pushed_at=moment_or_none(row["pushed_at"]),
        suspect_at=moment_or_none(row["suspect_at"]),
        replaces=row["replaces"],
    )
