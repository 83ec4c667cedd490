"""How many of a feed's posts the owner's rules let through to a digest."""

from __future__ import annotations

from collections.abc import Container

from digestd.frozen import dataclass
from digestd.store.db import Database


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a feed brought since the digest before, and how much of it is for this one."""

    feed_pk: int
    kept: int
    seen: int


def sifted(db: Database, digest: str, feed_pks: Container[int] | None) -> list[Sifted]:
    """Return the feeds of which the rules kept posts back, those that brought most first.

    `feed_pks` are those that the digest is made of (None: all); another counts if the rules
    put a post of it there. Without rules there is nothing to count, and nothing is.
    """
    if not db.conn.execute("SELECT 1 FROM entries WHERE rules <> '' LIMIT 1").fetchone():
        return []
    # By its name: among the messages of years, there is an index for that alone.
    before = db.conn.execute(
        "SELECT m.created_at FROM slots s CROSS JOIN messages m"
        " ON m.identity = 'digest/' || s.digest || '/' || s.key"
        " WHERE s.digest = ? ORDER BY s.pk DESC LIMIT 1",
        (digest,),
    ).fetchone()
    rows = db.conn.execute(
        "SELECT e.feed_pk, count(*), sum(EXISTS (SELECT 1 FROM owed o WHERE o.entry_id = e.id"
        " AND o.kind = 'digest' AND o.target = :digest)) FROM entries e"
        " WHERE e.feed_pk IN (SELECT feed_pk FROM entries WHERE rules <> '' AND seen_at > :since)"
        " AND e.seen_at > :since AND NOT e.first_fetch GROUP BY 1 ORDER BY 2 DESC, 1",
        {"digest": digest, "since": before[0] if before else 0},
    )
    found = [Sifted(pk, kept, seen) for pk, seen, kept in rows if kept < seen]
    return [one for one in found if one.kept or feed_pks is None or one.feed_pk in feed_pks]
