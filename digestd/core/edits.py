"""Edits that matter: a known entry says something else than it did.

What says something else is `identity.content_fingerprint`'s to tell. A text that was
seen before is no edit: some feeds serve two versions in turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable

from digestd.core.identity import KEY_BYTES, content_fingerprint
from digestd.core.messages import Debt
from digestd.core.parsed import ParsedEntry
from digestd.core.recognition import Known
from digestd.core.rules import NO_RULING, Ruling
from digestd.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """A known entry that says something new, as which revision, and what that owes."""

    known: Known
    entry: ParsedEntry
    revision: int
    keys: tuple[bytes, ...]  # of what it said and says, to be recorded as seen
    debts: tuple[Debt, ...] = ()
    ruling: Ruling = NO_RULING


def said_key(entry_id: int, fingerprint: bytes) -> bytes:
    """Return the key that says: this entry has said this."""
    said = entry_id.to_bytes(8, "big") + fingerprint
    return hashlib.blake2b(said, digest_size=KEY_BYTES, person=b"digestd said").digest()


def edits(known: Iterable[tuple[ParsedEntry, Known]], seen: Container[bytes]) -> tuple[Edit, ...]:
    """Return which of these known entries were edited. `seen`: see `said_keys`."""
    found = []
    for entry, before in known:
        says = content_fingerprint(entry)
        said = before.fingerprint
        if said is None or says is None or says == said or said_key(before.id, says) in seen:
            continue
        keys = (said_key(before.id, said), said_key(before.id, says))
        found.append(Edit(before, entry, before.revision + 1, keys))
    return tuple(found)


def said_keys(known: Iterable[tuple[ParsedEntry, Known]]) -> frozenset[bytes]:
    """Return every key that `edits` will ask `seen` about."""
    said = ((before.id, content_fingerprint(entry)) for entry, before in known)
    return frozenset(said_key(entry_id, says) for entry_id, says in said if says is not None)
