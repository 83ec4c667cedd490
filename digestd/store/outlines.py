"""Rows of `outlines`: of each feed's last document, what need not be read again.

A cache: without a row, or with one of another form, the whole document is read.
"""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import Any

from digestd.core.identity import KEY_BYTES
from digestd.core.parsed import Enclosure, ParsedEntry, ParsedFeed
from digestd.core.reading import Outline, Piece
from digestd.store.database import Database
from digestd.store.db import moment_or_none, stamp_or_none

_MOST = 16 << 20  # bytes of a row, unpacked; a document has 2,000 entries at most


def get(db: Database, feed_pk: int) -> Outline | None:
    """Return the outline of a feed's last document, None if there is none."""
    row = db.conn.execute("SELECT state FROM outlines WHERE feed_pk = ?", (feed_pk,)).fetchone()
    if row is None:
        return None
    try:
        stream = zlib.decompressobj()
        state = json.loads(stream.decompress(row[0], _MOST))
        return _outline(state, _Keys(stream.unused_data))
    except (zlib.error, ValueError, LookupError, TypeError):
        return None


def record(db: Database, feed_pk: int, outline: Outline | None) -> None:
    """Remember the outline of a feed's document. The caller holds the transaction."""
    if outline is None:
        db.conn.execute("DELETE FROM outlines WHERE feed_pk = ?", (feed_pk,))
        return
    db.conn.execute(
        "INSERT INTO outlines (feed_pk, state) VALUES (?, ?)"
        " ON CONFLICT (feed_pk) DO UPDATE SET state = excluded.state",
        (feed_pk, _packed(outline)),
    )


def _packed(outline: Outline) -> bytes:
    """Return the outline as bytes: what shrinks is compressed, hashes stand behind as they are."""
    plain = json.dumps(_plain(outline), ensure_ascii=False)
    keys = [outline.context]
    for name, piece in outline.pieces.items():
        keys += (name, *piece.entry.ladder)
        if piece.entry.fingerprint is not None:
            keys.append(piece.entry.fingerprint)
    return zlib.compress(plain.encode("utf-8", "surrogatepass"), 1) + b"".join(keys)


class _Keys:
    """The hashes of an outline, to be taken in the order in which they were written."""

    def __init__(self, packed: bytes) -> None:
        places = range(0, len(packed), KEY_BYTES)
        self._left = [packed[i : i + KEY_BYTES] for i in reversed(places)]
        self.take = self._left.pop  # raises IndexError where there are none

    @property
    def are_taken(self) -> bool:
        return not self._left


def _plain(outline: Outline) -> list[Any]:
    head = outline.head
    return [
        outline.math,
        [
            head.title,
            head.home_url,
            head.description,
            head.language,
            head.icon_url,
            head.self_url,
            head.hub_urls,
            head.ttl.total_seconds() if head.ttl is not None else None,
            sorted(head.skip_hours),
            sorted(head.skip_days),
            head.complaint,
            head.older_url,
        ],
        [
            [
                piece.has_tex,
                piece.entry.guid,
                piece.entry.link,
                piece.entry.title,
                stamp_or_none(piece.entry.published_at),
                stamp_or_none(piece.entry.updated_at),
                [file.url for file in piece.entry.enclosures],
                len(piece.entry.ladder),
                piece.entry.fingerprint is not None,
                piece.entry.unread,
            ]
            for piece in outline.pieces.values()
        ],
    ]


def _outline(state: list[Any], keys: _Keys) -> Outline:
    math, head, pieces = state
    title, home, description, language, icon, own, hubs, ttl, hours, days, complaint, older = head
    outline = Outline(
        keys.take(),
        math,
        ParsedFeed(
            title=title,
            home_url=home,
            description=description,
            language=language,
            icon_url=icon,
            self_url=own,
            hub_urls=tuple(hubs),
            ttl=timedelta(seconds=ttl) if ttl is not None else None,
            skip_hours=frozenset(hours),
            skip_days=frozenset(days),
            complaint=complaint,
            older_url=older,
        ),
        {keys.take(): _piece(keys, *facts) for facts in pieces},
    )
    if not keys.are_taken:
        raise ValueError("more hashes than entries have")
    return outline


def _piece(
    keys: _Keys,
    has_tex: bool,
    guid: str | None,
    link: str | None,
    title: str,
    published_at: int | None,
    updated_at: int | None,
    files: list[str],
    rungs: int,
    has_fingerprint: bool,
    unread: bool,
) -> Piece:
    ladder = tuple([keys.take() for _ in range(rungs)])
    entry = ParsedEntry(
        guid=guid,
        link=link,
        title=title,
        published_at=moment_or_none(published_at),
        updated_at=moment_or_none(updated_at),
        enclosures=tuple(map(Enclosure, files)),
        fingerprint=keys.take() if has_fingerprint else None,
        ladder=ladder,
        unread=unread,
        recalled=True,
    )
    return Piece(entry, has_tex)
