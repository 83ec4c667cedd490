"""What the store remembers of a feed, for one document: no more is read than it needs."""

from __future__ import annotations

from collections.abc import Sequence

from digestd.core.edits import said_keys
from digestd.core.identity import first_keys, lookup_keys, undecided, without_guid
from digestd.core.parsed import ParsedEntry
from digestd.core.recognition import Memory, Recognised, by_keys, seen_through
from digestd.store import entries
from digestd.store.database import Database


def recall(
    db: Database,
    feed_pk: int,
    listed: Sequence[ParsedEntry],
    *,
    trust_guids: bool = True,
    edits: bool = False,
) -> tuple[Memory, Recognised]:
    """Return what is remembered of these entries, and what that makes of them.

    With `edits`, what they said before, too.
    """
    if not entries.knows_any(db, feed_pk):
        return Memory(), by_keys(listed, {}, trust_guids=trust_guids)
    keys = _keys(db, feed_pk, listed if trust_guids else without_guid(listed))
    found = by_keys(listed, keys, trust_guids=trust_guids)
    if not edits and not found.fresh:
        return Memory(keys), found
    fresh = [one.entry for one in found.fresh]
    ids = [entry_id for _, entry_id in found.known] if edits else []
    memory = Memory(keys, entries.remembered(db, feed_pk, fresh, ids))
    found = seen_through(found, memory.entries)
    if edits:
        said = entries.seen_keys(db, feed_pk, said_keys(found.pairs(memory)))
        memory = Memory({**memory.keys, **said}, memory.entries)
    return memory, found


def _keys(db: Database, feed_pk: int, listed: Sequence[ParsedEntry]) -> dict[bytes, int]:
    """Return what is recorded of the keys that sorting these entries out asks for."""
    seen = entries.seen_keys(db, feed_pk, first_keys(listed))
    if open_ones := undecided(listed, seen):
        seen |= entries.seen_keys(db, feed_pk, lookup_keys(open_ones))
    return seen
