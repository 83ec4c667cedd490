"""What need not be read again, kept and recalled."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from digestd.core.parsed import Enclosure, ParsedEntry, ParsedFeed
from digestd.core.reading import Outline, Piece, recalled
from digestd.store import outlines
from digestd.store.db import Database
from tests.support.nouns import followed

WHEN = datetime(2026, 11, 24, 8, 0, 0, 250_000, tzinfo=UTC)
ENTRY = ParsedEntry(
    guid="g\udcff",
    link="https://a.example/1",
    title="科学",
    content_html="<p>text</p>",
    published_at=WHEN,
    updated_at=WHEN + timedelta(days=1),
    enclosures=(Enclosure("https://a.example/1.mp3", "audio/mpeg", 5),),
    fingerprint=b"f" * 16,
    ladder=(b"a" * 16, b"b" * 16),
)
HEAD = ParsedFeed(
    title="A blog",
    home_url="https://a.example/",
    description="of something",
    language="zh",
    icon_url="https://a.example/icon.png",
    self_url="https://a.example/feed",
    hub_urls=("https://hub.example/",),
    ttl=timedelta(minutes=90),
    skip_hours=frozenset({1, 2}),
    skip_days=frozenset({6}),
    complaint="declared as ascii",
    older_url="https://a.example/feed?page=2",
)


def test_an_outline_comes_back_as_it_was(db: Database) -> None:
    (feed,) = followed(db)
    unread = ParsedEntry(guid=None, link=None, title="", unread=True)
    pieces = {b"1" * 16: Piece(recalled(ENTRY), True), b"2" * 16: Piece(recalled(unread))}
    outline = Outline(b"c" * 16, "auto", HEAD, pieces)
    outlines.record(db, feed.pk, outline)
    assert outlines.get(db, feed.pk) == outline
    assert list(outlines.get(db, feed.pk).pieces) == list(pieces)  # type: ignore[union-attr]
    outlines.record(db, feed.pk, None)
    assert outlines.get(db, feed.pk) is None


def test_no_field_of_a_feed_is_forgotten() -> None:
    """A new field has to be kept too, or it is gone where a head is recalled."""
    empty = ParsedFeed("")
    left_out = {f.name for f in fields(HEAD) if getattr(HEAD, f.name) == getattr(empty, f.name)}
    assert left_out == {"entries", "older"}


def test_what_another_version_wrote_is_no_outline(db: Database) -> None:
    (feed,) = followed(db)
    outlines.record(db, feed.pk, Outline(b"c" * 16, "auto", HEAD, {b"1" * 16: Piece(ENTRY)}))
    ((whole,),) = db.conn.execute("SELECT state FROM outlines")
    older = zlib.compress(json.dumps(["63" * 16, "auto", [], []]).encode())
    broken = (b"", b"no zlib", b"x\x9c\x03\x00\x00\x00\x00\x01", older)
    for state in (*broken, whole[:-16], whole + b"k" * 16):
        db.conn.execute("REPLACE INTO outlines (feed_pk, state) VALUES (?, ?)", (feed.pk, state))
        assert outlines.get(db, feed.pk) is None
