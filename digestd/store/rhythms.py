"""Rows of `rhythms` and `price`: what the planner has learned of each feed, and its price."""

from __future__ import annotations

from digestd.core.planner import Price
from digestd.core.rhythm import Rhythm
from digestd.store.database import Database
from digestd.store.db import moment, stamp


def record(db: Database, feed_pk: int, rhythm: Rhythm) -> None:
    """Store what a feed has taught. The caller holds the transaction."""
    db.conn.execute(
        "INSERT INTO rhythms (feed_pk, state) VALUES (?, ?)"
        " ON CONFLICT (feed_pk) DO UPDATE SET state = excluded.state",
        (feed_pk, rhythm.to_bytes()),
    )


def price(db: Database) -> tuple[Price, float] | None:
    """Return the price and the budget that it was found for; None before the first."""
    row = db.conn.execute("SELECT value, at, requests, due, debt, budget FROM price").fetchone()
    if row is None:
        return None
    value, at, requests, due, debt, budget = row
    return Price(value, moment(at), requests, due, debt), budget


def keep_price(db: Database, found: Price, budget: float) -> None:
    """Store the price that was found for `budget` requests a feed and day."""
    db.conn.execute(
        "INSERT INTO price (only, value, at, requests, due, debt, budget)"
        " VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT (only) DO UPDATE SET value = excluded.value,"
        " at = excluded.at, requests = excluded.requests, due = excluded.due,"
        " debt = excluded.debt, budget = excluded.budget",
        (found.value, stamp(found.at), found.requests, found.due, found.debt, budget),
    )
