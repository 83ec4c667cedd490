"""Dropping what is old: bodies of entries, payloads of what was sent. Seen keys stay."""

from __future__ import annotations

from datetime import datetime

from digestd.store.database import Database
from digestd.store.db import stamp


def drop_bodies(db: Database, before: datetime, limit: int) -> int:
    """Empty the bodies of up to `limit` entries seen before `before` that owe nothing."""
    return db.conn.execute(
        "UPDATE entries SET content_html = '', summary_html = '' WHERE id IN ("
        " SELECT id FROM entries e WHERE seen_at < ?"
        " AND (content_html <> '' OR summary_html <> '')"
        " AND NOT EXISTS (SELECT 1 FROM owed o WHERE o.entry_id = e.id"
        " AND o.message_pk IS NULL AND o.dropped = '')"
        " LIMIT ?)",
        (stamp(before), limit),
    ).rowcount


def drop_payloads(db: Database, before: datetime, limit: int) -> int:
    """Empty the payloads of up to `limit` deliveries that were sent before `before`."""
    return db.conn.execute(
        "UPDATE deliveries SET payload = x'' WHERE id IN ("
        " SELECT id FROM deliveries WHERE state = 'sent' AND sent_at < ?"
        " AND payload <> x'' LIMIT ?)",
        (stamp(before), limit),
    ).rowcount


def optimise(db: Database) -> None:
    """Let SQLite renew the statistics that its planner uses."""
    db.conn.execute("PRAGMA optimize")
