"""Rows of `notices`: which troubles the owner was told of, while they last."""

from __future__ import annotations

from datetime import datetime

from digestd.core.notices import ChannelHealth, Finding, News
from digestd.store.db import Database, moment, moment_or_none, stamp


def known(db: Database) -> dict[tuple[str, str], datetime]:
    """Return what was told and is not over: since when, by subject and trouble."""
    rows = db.conn.execute("SELECT subject, trouble, since FROM notices")
    return {(row[0], row[1]): moment(row[2]) for row in rows}


def record(db: Database, news: News) -> bool:
    """Note what is told now; False, with nothing done, if another process has told it.

    The caller holds the transaction.
    """
    told = known(db)
    if any(one.key in told for one in news.begun) or any(one.key not in told for one in news.over):
        return False
    db.conn.executemany(
        "INSERT INTO notices (subject, trouble, since) VALUES (?, ?, ?)",
        [(*one.key, stamp(one.since)) for one in news.begun],
    )
    db.conn.executemany(
        "DELETE FROM notices WHERE subject = ? AND trouble = ?",
        [*(one.key for one in news.over), *news.forgotten],
    )
    return True


def channel_health(db: Database) -> list[ChannelHealth]:
    """Return how the channels fare, as notices see it."""
    rows = db.query(
        "SELECT c.*, d.failing_since, d.last_error FROM channels c LEFT JOIN ("
        " SELECT channel, min(failing_since) AS failing_since, max(last_error) AS last_error"
        " FROM deliveries WHERE state IN ('due', 'sending') AND failing_since IS NOT NULL"
        " GROUP BY channel) d ON d.channel = c.name ORDER BY c.name"
    )
    return [
        ChannelHealth(
            row["name"],
            moment_or_none(row["parked_at"]),
            row["parked_reason"] or row["last_error"] or "",
            moment_or_none(row["last_ok_at"]),
            row["failures"],
            moment_or_none(row["failing_since"]),
        )
        for row in rows
    ]


def dead(db: Database) -> list[tuple[str, Finding]]:
    """Return the deliveries that were refused for ever or given up, each with its channel.

    Notices themselves are left out: a notice of a notice helps nobody.
    """
    rows = db.conn.execute(
        "SELECT d.id, d.channel, d.title, d.last_error, d.created_at, (SELECT a.outcome"
        " FROM attempts a WHERE a.delivery_id = d.id ORDER BY a.pk DESC LIMIT 1)"
        " FROM deliveries d JOIN messages m ON m.pk = d.message_pk"
        " WHERE d.state = 'dead' AND d.dropped = '' AND m.kind <> 'notice' ORDER BY d.id"
    )
    return [
        (
            row[1],
            Finding(
                f"delivery:{row[0]}",
                "given up" if row[5] == "given up" else "refused",
                moment(row[4]),
                row[2],
                row[3],
            ),
        )
        for row in rows
    ]
