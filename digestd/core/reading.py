"""What is known of a document's entries before it is read again.

A document is mostly what it was last time. So each is remembered by an outline: its
entries in order, each by a hash of how it stands there, beside what decisions need of
it. Of the next document only entries of other bytes are read; the rest is recalled,
and the whole is put together here, for `refresh.decide` to see all that is listed.

Nothing is decided by an outline: should a recalled entry turn out to be news (its
keys are not known, say), its text is missed, and the document is read as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from digestd.core.parsed import Enclosure, ParsedEntry, ParsedFeed, Unreadable
from digestd.frozen import dataclass, replace
from digestd.patterns import pattern

if TYPE_CHECKING:  # the reader, in a process of its own, decides nothing
    from digestd.core.models import Feed, Subscription
    from digestd.core.refresh import RefreshPlan


@dataclass(frozen=True, slots=True)
class Piece:
    """An entry as it was read; `has_tex`: whether it counts when a feed's maths is judged."""

    entry: ParsedEntry
    has_tex: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """What is remembered of a document.

    `context` is a hash of all that bears on how an entry is read: what stands around the
    entries, the address, this program's version. `math` is the mode they were read in.
    """

    context: bytes
    math: str
    head: ParsedFeed  # without entries
    pieces: Mapping[bytes, Piece]  # by the hash of how it stands there


@dataclass(frozen=True, slots=True)
class Familiar:
    """As much of an outline as the reader needs: `pieces` to `Piece.has_tex`."""

    context: bytes
    math: str
    pieces: Mapping[bytes, bool]
    home_url: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a document.

    With a `context`, `pieces` are all entries listed, and `document` holds those read, at
    these `places` among them; it is None where there was nothing to read. Without one
    (a document that is broken, or odd) it is whole.
    """

    document: ParsedFeed | Unreadable | None
    context: bytes = b""
    math: str = ""
    pieces: tuple[bytes, ...] = ()
    places: tuple[int, ...] = ()
    with_tex: tuple[bool, ...] = ()  # of those read
    same_head: bool = False  # as in the outline; `document` has none


def familiar(outline: Outline | None) -> Familiar | None:
    """Return what the reader needs of an outline."""
    if outline is None:
        return None
    tex = {name: piece.has_tex for name, piece in outline.pieces.items()}
    return Familiar(outline.context, outline.math, tex, outline.head.home_url)


def put_together(
    reading: Reading, known: Outline | None
) -> tuple[ParsedFeed | Unreadable, Outline | None]:
    """Return the whole document, and its outline (None: it has none).

    `known` is what the reader was told. Raises ValueError for a reading that does not
    fit it.
    """
    found = reading.document
    if not reading.context or isinstance(found, Unreadable):
        return found or Unreadable("an empty answer"), None
    head = known.head if known and (found is None or reading.same_head) else found
    if head is None:
        raise ValueError("nothing was read, and nothing is known")
    read = dict(zip(reading.places, found.entries if found else (), strict=True))
    tex = dict(zip(reading.places, reading.with_tex, strict=True))
    entries, pieces = [], dict[bytes, Piece]()
    for place, name in enumerate(reading.pieces):
        if place in read:
            entries.append(read[place])
            pieces[name] = Piece(recalled(read[place]), tex[place])
        elif known is not None and name in known.pieces:
            entries.append(known.pieces[name].entry)
            pieces[name] = known.pieces[name]
        else:
            raise ValueError("an entry was neither read nor known")
    outline = Outline(reading.context, reading.math, replace(head, entries=(), older=()), pieces)
    return replace(head, entries=tuple(entries)), outline


def recalled(entry: ParsedEntry) -> ParsedEntry:
    """Return an entry as an outline keeps it: all that decisions need, and no text."""
    return ParsedEntry(
        guid=entry.guid,
        link=entry.link,
        title=entry.title,
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        enclosures=tuple(Enclosure(e.url) for e in entry.enclosures),
        fingerprint=entry.fingerprint,
        ladder=entry.ladder,
        unread=entry.unread,
        recalled=True,
    )


def misses_text(plan: RefreshPlan) -> bool:
    """Tell whether a plan would store an entry whose text was not read this time."""
    return any(new.entry.recalled for new in plan.new_entries) or any(
        edit.entry.recalled for edit in plan.edits
    )


# A head in which only these differ says the same: dates, and comments with the time that a
# cache took. It ends where the first entry begins, and further on nothing is passed over.
_FIRST_ENTRY = pattern(rb"<(?:\w{1,20}:)?(?:item|entry)[\s/>]")
_VOLATILE = pattern(
    rb"<((?:\w{1,20}:)?(?:lastBuildDate|pubDate|updated|modified|date|created))"
    rb"(?:\s[^<>]{0,200})?>[^<]{0,100}</\1\s{0,9}>"
    rb"|<!--(?:[^-]|-(?!->)){0,500}-->",
)
# What a JSON Feed says of itself that is a date, or no part of the format (version 1.1,
# "Extensions"): up to its first item.
_JSON = pattern(rb"\s{0,99}\{")
_JSON_ITEMS = b'"items"'
_VOLATILE_MEMBER = pattern(
    rb'(?<!\\)"(?:_\w{1,40}|date_modified|date_published|updated)"\s{0,9}:\s{0,9}'
    rb'(?:"[^"\\]{0,100}"|[\w.+-]{1,40})\s{0,9},\s{0,9}'
)
_MOST_HEAD = 20_000
_HASH = 16  # bytes; what follows is the way


def way_of(subscription: Subscription) -> bytes:
    """Return in which way its owner wants a feed read; empty for the usual one."""
    if not (subscription.page or subscription.macros or subscription.math != "auto"):
        return b""
    ways = (subscription.page, subscription.macros, subscription.math)
    return hashlib.blake2b(repr(ways).encode(), digest_size=4).digest()


def reads_as_before(feed: Feed, subscription: Subscription) -> bool:
    """Say whether a feed is still read in the way it was: else the same bytes may say more."""
    return (feed.body_hash or b"")[_HASH:] == way_of(subscription)


def document_hash(body: bytes, way: bytes = b"") -> bytes:
    """Return a hash that two bodies share only if they say the same, read in the same way."""
    if _JSON.match(body):
        start, volatile = max(body.find(_JSON_ITEMS, 0, _MOST_HEAD), 0), _VOLATILE_MEMBER
    else:
        found = _FIRST_ENTRY.search(body, 0, _MOST_HEAD)
        start, volatile = found.start() if found else 0, _VOLATILE
    digest = hashlib.blake2b(digest_size=_HASH)
    digest.update(volatile.sub(b"", body[:start]))
    digest.update(memoryview(body)[start:])
    return digest.digest() + way
