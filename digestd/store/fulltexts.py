"""Texts of entries' pages, for feeds that have only the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from digestd.core.parsed import FullText
from digestd.store.db import Database, stamp

_PER_QUERY = 5_000
# What could not be had just now is asked for again after this, three times at most.
_AGAIN, _TRIES = timedelta(minutes=30), 3


def find(db: Database, entry_ids: Iterable[int]) -> dict[int, str]:
    """Return the texts of those entries that have one in their present revision."""
    wanted = list(entry_ids)
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _PER_QUERY):
        chunk = wanted[start : start + _PER_QUERY]
        rows = db.conn.execute(
            "SELECT f.entry_id, f.html FROM full_texts f JOIN entries e"
            " ON e.id = f.entry_id AND e.revision = f.revision"
            f" WHERE f.html <> '' AND f.entry_id IN ({','.join('?' * len(chunk))})",
            chunk,
        )
        found.update(rows.fetchall())
    return found


def missing(db: Database, entry_ids: Iterable[int], now: datetime) -> list[int]:
    """Return those of these entries whose page is worth asking for (again)."""
    wanted = list(entry_ids)
    settled: set[int] = set()
    for start in range(0, len(wanted), _PER_QUERY):
        chunk = wanted[start : start + _PER_QUERY]
        rows = db.conn.execute(
            "SELECT f.entry_id FROM full_texts f JOIN entries e"
            " ON e.id = f.entry_id AND e.revision = f.revision"
            f" WHERE f.entry_id IN ({','.join('?' * len(chunk))})"
            " AND (f.html <> '' OR NOT f.passing OR f.tries >= ? OR f.tried_at > ?)",
            (*chunk, _TRIES, stamp(now - _AGAIN)),
        )
        settled.update(row[0] for row in rows)
    return [id_ for id_ in wanted if id_ not in settled]


def owed(db: Database, feed_pks: Iterable[int], since: datetime, limit: int) -> list[int]:
    """Return entries of these feeds that a digest will want, the newest first."""
    pks = list(feed_pks)
    rows = db.conn.execute(
        "SELECT DISTINCT e.id FROM entries e JOIN owed o ON o.entry_id = e.id"
        " AND o.kind = 'digest' AND o.message_pk IS NULL AND o.dropped = ''"
        f" WHERE e.seen_at > ? AND e.feed_pk IN ({','.join('?' * len(pks))})"
        " ORDER BY e.id DESC LIMIT ?",
        (stamp(since), *pks, limit),
    )
    return [row[0] for row in rows]


def keep(db: Database, found: Mapping[int, FullText], now: datetime) -> None:
    """Keep what was found, or why nothing was, for the entries' present revisions."""
    db.conn.executemany(
        "INSERT INTO full_texts (entry_id, revision, html, why, passing, tries, tried_at)"
        " SELECT id, revision, ?, ?, ?, 1, ? FROM entries WHERE id = ?"
        " ON CONFLICT (entry_id) DO UPDATE SET html = excluded.html, why = excluded.why,"
        " passing = excluded.passing, tried_at = excluded.tried_at,"
        " tries = CASE WHEN revision = excluded.revision THEN tries + 1 ELSE 1 END,"
        " revision = excluded.revision",
        [(one.html, one.why, one.is_passing, stamp(now), id_) for id_, one in found.items()],
    )


def drop_before(db: Database, before: datetime) -> int:
    """Drop the texts that were fetched before `before`; return how many."""
    return db.conn.execute("DELETE FROM full_texts WHERE tried_at < ?", (stamp(before),)).rowcount
