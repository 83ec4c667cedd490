"""What is owed to channels and said to them: from the debt of an entry to a delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from digestd.frozen import dataclass, field

MessageKind = Literal["alert", "digest", "notice", "test"]


@dataclass(frozen=True, slots=True)
class Debt:
    """An entry (in one revision) owed to a channel as an alert, or to a digest."""

    kind: Literal["alert", "digest"]
    target: str  # a channel's name, or a digest's
    due_at: datetime


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """One entry inside a message, for channels that show or pass on facts, not prose."""

    id: int
    feed: str  # the feed's id
    feed_name: str
    title: str
    link: str
    published_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that travels with a message; HTML refers to it as `cid:` + `cid`."""

    cid: str
    mime_type: str
    content: bytes = field(repr=False)
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One of the mails that a message becomes where a single one would be clipped."""

    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message in every form a channel may want, before it is composed for one.

    `identity` is stable: the same entries for the same purpose give the same one,
    whoever renders it, and whenever ("digest/morning/2026-11-24T08:00").
    `text` is complete, never a summary of `html`. `title` is one line.
    """

    kind: MessageKind
    identity: str
    title: str
    text: str
    html: str
    created_at: datetime
    entries: tuple[MessageEntry, ...] = ()
    images: tuple[InlineImage, ...] = ()
    digest: str = ""  # a digest's name
    digest_title: str = ""
    feed: str = ""  # the one feed's id, where all entries are of one
    language: str = "en"
    chat: str = ""  # the form for chats, a small HTML (b, i, a, code, br, lists); empty: use text
    letters: tuple[Letter, ...] = ()  # for mail and pages; empty: one of `title`, `text`, `html`
    complaint: str = ""  # what was wrong with a template of the owner's; ours was used instead


@dataclass(frozen=True, slots=True)
class Piece:
    """One rendered piece for one recipient on one channel, as it will go out.

    `payload` is what is stored and sent, byte for byte, at each try. `form`
    says how to read it (`delivery.compose`). `uid` is the message's identity on
    the wire: the Message-ID of a mail, `id` and Idempotency-Key of a webhook.
    """

    uid: str
    recipient: str
    part: int  # 0, 1, …: where a message had to be split
    form: str
    payload: bytes = field(repr=False)
    title: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A piece in the outbox."""

    id: int
    channel: str
    kind: MessageKind
    piece: Piece
    state: Literal["due", "sending", "sent", "parked", "dead"]
    attempts: int
    created_at: datetime
    due_at: datetime
    failing_since: datetime | None = None
    last_error: str = ""
    sent_at: datetime | None = None
