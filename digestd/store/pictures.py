"""The cache of pictures: drawn formulas, thumbnails, icons, each under a hash of what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from digestd.core.pictures import Picture
from digestd.store.db import Database, stamp

# What nobody used for so long is dropped; what could not be had is tried anew sooner.
_KEEP, _KEEP_REFUSED = timedelta(days=60), timedelta(days=3)
_MAX_BYTES = 64 << 20
_PER_QUERY = 500
# The day of its last use is all that pruning needs; a digest need not write for each picture.
_USE_NOTED = timedelta(days=1)


def find(db: Database, keys: Iterable[bytes]) -> dict[bytes, Picture | None]:
    """Return the pictures that are known by `keys`; None for one that cannot be had."""
    wanted = list(keys)
    found: dict[bytes, Picture | None] = {}
    for start in range(0, len(wanted), _PER_QUERY):
        chunk = wanted[start : start + _PER_QUERY]
        rows = db.conn.execute(
            "SELECT key, name, width, height, mime_type, content, depth, label FROM pictures"
            f" WHERE key IN ({','.join('?' * len(chunk))})",
            chunk,
        )
        for key, *columns in rows:
            picture = Picture(*columns)
            found[key] = picture if picture.content else None
    return found


def keep(db: Database, made: Mapping[bytes, Picture | str], now: datetime) -> None:
    """Keep pictures, or why there is none, under their keys."""
    rows = [(key, *_row(one), stamp(now), stamp(now)) for key, one in made.items()]
    db.conn.executemany(
        "INSERT OR REPLACE INTO pictures (key, name, mime_type, width, height, depth, label,"
        " content, why, made_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _row(one: Picture | str) -> tuple[object, ...]:
    if isinstance(one, str):
        return "", "", 0, 0, 0, "", b"", one
    sizes = one.width, one.height, one.depth
    return one.name, one.mime_type, *sizes, one.label, one.content, ""


def note_use(db: Database, keys: Iterable[bytes], now: datetime) -> None:
    """Note that these were used."""
    db.conn.executemany(
        "UPDATE pictures SET used_at = ? WHERE key = ? AND used_at < ?",
        [(stamp(now), key, stamp(now - _USE_NOTED)) for key in keys],
    )


def drop_unused(db: Database, now: datetime) -> int:
    """Drop what was not used for long, and the oldest beyond 64 MB; return how many."""
    dropped = db.conn.execute(
        "DELETE FROM pictures WHERE used_at < ? OR (content = x'' AND made_at < ?)",
        (stamp(now - _KEEP), stamp(now - _KEEP_REFUSED)),
    ).rowcount
    return dropped + (
        db.conn.execute(
            "DELETE FROM pictures WHERE key IN (SELECT key FROM (SELECT key, sum(length(content))"
            " OVER (ORDER BY used_at DESC, key) AS total FROM pictures) WHERE total > ?)",
            (_MAX_BYTES,),
        ).rowcount
    )
