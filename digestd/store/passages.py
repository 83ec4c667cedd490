"""What `entries` and `deliveries` say together: when posts were published, seen and accepted."""

from __future__ import annotations

from datetime import datetime

from digestd.core.latency import Passage
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none, stamp

_MOST = 20_000


def since(db: Database, start: datetime) -> list[Passage]:
    """Return the posts seen from `start` on, the newest ones, but for those of first fetches.

    Alerts that had to wait, as their owner wished, say nothing about how quick we are.
    """
    rows = db.conn.execute(
        "SELECT e.feed_pk, e.published_at, e.seen_at, ("
        "  SELECT min(d.sent_at) FROM owed o JOIN deliveries d ON d.message_pk = o.message_pk"
        "  WHERE o.entry_id = e.id AND o.revision = 1 AND o.kind = 'alert' AND o.held = ''"
        "  AND d.state = 'sent')"
        " FROM entries e WHERE e.seen_at >= ? AND NOT e.first_fetch"
        " ORDER BY e.seen_at DESC LIMIT ?",
        (stamp(start), _MOST),
    )
    return [
        Passage(pk, moment_or_none(published), moment(seen), moment_or_none(accepted))
        for pk, published, seen, accepted in rows
    ]
