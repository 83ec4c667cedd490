"""What a publisher says, and how it is read, as values.

What the owner wants of it and what the store knows is in `models`. The process that reads
documents knows only this.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from digestd.frozen import dataclass

# What counts as a formula: what looks like one, whatever could be one, or nothing.
MathMode = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that comes with an entry: an episode, a video, a document."""

    url: str
    mime_type: str = ""
    size_bytes: int | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One entry as its document states it, cleaned.

    `title` is one line of plain text, formulas in their Unicode form;
    `title_html` is the same with marked formulas, empty where there are none.
    `content_html` and `summary_html` are sanitised, absolute, formulas marked
    (see `formats.html`). Everything is bounded in length.
    """

    guid: str | None
    link: str | None
    title: str
    title_html: str = ""
    content_html: str = ""
    summary_html: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    published_at: datetime | None = None
    updated_at: datetime | None = None
    image_url: str | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str = ""  # BCP 47, of this entry; empty: unknown
    # What `core.identity` says of it, where that is known already.
    fingerprint: bytes | None = None
    ladder: tuple[bytes, ...] = ()
    unread: bool = False  # only the beginning of its text was read (see `core.reading`)
    recalled: bool = False  # not read again: its text is not here, all else is


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """One document as a feed. `complaint` says what was broken yet could be read."""

    title: str
    home_url: str | None = None
    description: str = ""
    language: str = ""
    icon_url: str | None = None
    self_url: str | None = None
    hub_urls: tuple[str, ...] = ()
    entries: tuple[ParsedEntry, ...] = ()
    ttl: timedelta | None = None  # the longest of RSS `ttl` and `sy:*`
    skip_hours: frozenset[int] = frozenset()  # 0..23, UTC
    skip_days: frozenset[int] = frozenset()  # Monday is 0
    complaint: str = ""
    older_url: str | None = None  # where its older entries are (RFC 5005, WordPress)
    older: tuple[ParsedEntry, ...] = ()  # entries from there


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A document that is no feed, and why, in one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class FullText:
    """The text of an entry's page, cleaned; without it, why there is none.

    `is_passing`: another day may bring it.
    """

    html: str
    why: str = ""
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class PageSelectors:
    """Where the entries of a page without a feed are, in CSS; what is empty is guessed."""

    entry: str
    title: str = ""  # within the entry, as are the others
    link: str = ""
    date: str = ""
    content: str = ""
