"""Nouns with sensible fields, for tests that care about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from digestd.core.messages import Debt, Piece
from digestd.core.models import Feed, Subscription
from digestd.core.owing import NewEntry
from digestd.core.parsed import ParsedEntry
from digestd.core.refresh import RefreshPlan
from digestd.store import channels as channel_rows
from digestd.store import feeds, following, outbox
from digestd.store.commit import commit_refresh
from digestd.store.db import Database

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
URL = "https://example.org/feed"


def followed(db: Database, *urls: str, now: datetime = NOW) -> list[Feed]:
    """Follow these URLs alone."""
    wanted = following.follow(db, [Subscription(url) for url in urls or (URL,)], now)
    found = feeds.by_pk(db, wanted)
    return [found[pk] for pk in wanted]


def parsed(guid: str = "1", **facts: Any) -> ParsedEntry:
    """Return a parsed entry; its title and link follow from its guid."""
    fields: dict[str, Any] = {"title": f"Post {guid}", "link": f"https://example.org/{guid}"}
    return ParsedEntry(guid=guid, **(fields | facts))


def new(guid: str = "1", *debts: Debt, first_fetch: bool = False, **facts: Any) -> NewEntry:
    """Return a new entry with a key of its own."""
    return NewEntry(
        parsed(guid, **facts), (guid.encode().rjust(16, b"0"),), NOW, first_fetch, debts
    )


def seen(db: Database, feed: Feed, *entries: NewEntry, now: datetime = NOW) -> int:
    """Record entries as one refresh would; return how many were new."""
    return commit_refresh(db, RefreshPlan(feed, "fetched", entries), now)


def piece(uid: str = "u1", recipient: str = "", part: int = 0) -> Piece:
    """Return a piece for a test's own sender."""
    return Piece(uid, recipient, part, "line", uid.encode(), f"title of {uid}")


def put(
    db: Database, identity: str, channels: Sequence[str] = ("phone",), now: datetime = NOW
) -> None:
    """Put a message with one piece for each channel into the outbox."""
    channel_rows.know(db, channels)
    pieces = [(channel, piece(f"{identity}@{channel}")) for channel in channels]
    assert outbox.put(db, outbox.Outgoing(identity, "alert", identity, pieces), now)
