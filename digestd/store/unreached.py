"""Alerts that no channel has accepted for long: a digest tells them in their place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from digestd.frozen import dataclass
from digestd.store.db import Database, stamp

_IDS_PER_QUERY = 5_000


@dataclass(frozen=True, slots=True)
class Unreached:
    """An entry that a channel should have announced, and the rows that still owe it.

    `deliveries` is empty where other entries of the same alert are not told
    by this digest: then the alert goes on waiting.
    """

    entry_id: int
    channel: str
    deliveries: tuple[int, ...] = ()
    debts: tuple[int, ...] = ()


def unreached(db: Database, entry_ids: Collection[int], before: datetime) -> list[Unreached]:
    """Return, for these entries, the alerts that were due before `before` and were not accepted."""
    wanted = sorted(set(entry_ids))
    found = []
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        chunk = wanted[start : start + _IDS_PER_QUERY]
        found += _in_outbox(db, chunk, set(wanted), before)
        found += _not_made(db, chunk, before)
    return found


def _in_outbox(
    db: Database, chunk: Sequence[int], told: Collection[int], before: datetime
) -> list[Unreached]:
    marks = ",".join("?" * len(chunk))
    rows = db.conn.execute(
        "SELECT e.entry_id, d.channel, m.pk, group_concat(d.id) FROM message_entries e"
        " JOIN messages m ON m.pk = e.message_pk AND m.kind = 'alert'"
        " JOIN deliveries d ON d.message_pk = m.pk AND d.state <> 'sent' AND d.dropped = ''"
        f" WHERE m.created_at <= ? AND e.entry_id IN ({marks})"
        " GROUP BY e.entry_id, m.pk, d.channel ORDER BY d.id",
        (stamp(before), *chunk),
    ).fetchall()
    found = []
    for entry_id, channel, message_pk, ids in rows:
        others = db.conn.execute(
            "SELECT entry_id FROM message_entries WHERE message_pk = ?", (message_pk,)
        )
        whole = all(row[0] in told for row in others)
        deliveries = tuple(map(int, ids.split(","))) if whole else ()
        found.append(Unreached(entry_id, channel, deliveries))
    return found


def _not_made(db: Database, chunk: Sequence[int], before: datetime) -> list[Unreached]:
    """Return alerts of which no message could be made: their channel cannot be used."""
    marks = ",".join("?" * len(chunk))
    rows = db.conn.execute(
        "SELECT entry_id, target, pk FROM owed WHERE kind = 'alert' AND message_pk IS NULL"
        f" AND dropped = '' AND held = '' AND due_at <= ? AND entry_id IN ({marks}) ORDER BY pk",
        (stamp(before), *chunk),
    )
    return [Unreached(row[0], row[1], debts=(row[2],)) for row in rows]
