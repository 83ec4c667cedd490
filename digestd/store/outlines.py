"""Rows of `outlines`: of each feed's last document, what need not be read again.

A cache: without a row, or with one of another form, the whole document is read.
"""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import Any

from digestd.core.identity import KEY_BYTES
from digestd.core.models import Enclosure, ParsedEntry, ParsedFeed
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
        return _outline(json.loads(zlib.decompressobj().decompress(row[0], _MOST)))
    except (zlib.error, ValueError, LookupError, TypeError):
        return None


def record(db: Database, feed_pk: int, outline: Outline | None) -> None:
    """Remember the outline of a feed's document. The caller holds the transaction."""
    if outline is None:
        db.conn.execute("DELETE FROM outlines WHERE feed_pk = ?", (feed_pk,))
        return
    plain = json.dumps(_plain(outline), ensure_ascii=False)
    packed = zlib.compress(plain.encode("utf-8", "surrogatepass"), 1)
    db.conn.execute(
        "INSERT INTO outlines (feed_pk, state) VALUES (?, ?)"
        " ON CONFLICT (feed_pk) DO UPDATE SET state = excluded.state",
        (feed_pk, packed),
    )


def _plain(outline: Outline) -> list[Any]:
    head = outline.head
    return [
        outline.context.hex(),
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
                name.hex(),
                piece.has_tex,
                piece.entry.guid,
                piece.entry.link,
                piece.entry.title,
                stamp_or_none(piece.entry.published_at),
                stamp_or_none(piece.entry.updated_at),
                [file.url for file in piece.entry.enclosures],
                piece.entry.fingerprint.hex() if piece.entry.fingerprint is not None else None,
                b"".join(piece.entry.ladder).hex(),
                piece.entry.unread,
            ]
            for name, piece in outline.pieces.items()
        ],
    ]


def _outline(state: list[Any]) -> Outline:
    context, math, head, pieces = state
    title, home, description, language, icon, own, hubs, ttl, hours, days, complaint, older = head
    return Outline(
        bytes.fromhex(context),
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
        {bytes.fromhex(name): _piece(*facts) for name, *facts in pieces},
    )


def _piece(
    has_tex: bool,
    guid: str | None,
    link: str | None,
    title: str,
    published_at: int | None,
    updated_at: int | None,
    files: list[str],
    fingerprint: str | None,
    ladder: str,
    unread: bool,
) -> Piece:
    keys = bytes.fromhex(ladder)
    entry = ParsedEntry(
        guid=guid,
        link=link,
        title=title,
        published_at=moment_or_none(published_at),
        updated_at=moment_or_none(updated_at),
        enclosures=tuple(map(Enclosure, files)),
        fingerprint=bytes.fromhex(fingerprint) if fingerprint is not None else None,
        ladder=tuple(keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES)),
        unread=unread,
        recalled=True,
    )
    return Piece(entry, has_tex)
