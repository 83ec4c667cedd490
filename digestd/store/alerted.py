"""What has been announced already: read-only, from messages and their deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digestd.store.db import Database, moment

_IDS_PER_QUERY = 5_000


def announced(db: Database, entry_ids: Iterable[int]) -> dict[int, list[tuple[str, datetime]]]:
    """Return the channels that have accepted an alert about each of these entries, and when first.

    An alert of several parts counts when the last of them has arrived.
    """
    wanted = sorted(set(entry_ids))
    found: dict[int, list[tuple[str, datetime]]] = {}
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        chunk = wanted[start : start + _IDS_PER_QUERY]
        rows = db.conn.execute(
            "SELECT e.entry_id, d.channel, max(d.sent_at) FROM message_entries e"
            " JOIN messages m ON m.pk = e.message_pk AND m.kind = 'alert'"
            " JOIN deliveries d ON d.message_pk = m.pk"
            f" WHERE e.entry_id IN ({','.join('?' * len(chunk))})"
            " GROUP BY m.pk, e.entry_id, d.channel HAVING min(d.state = 'sent')"
            " ORDER BY max(d.sent_at)",
            chunk,
        )
        for entry_id, channel, sent_at in rows:
            known = found.setdefault(entry_id, [])
            if channel not in (name for name, _ in known):
                known.append((channel, moment(sent_at)))
    return found
