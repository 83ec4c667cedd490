"""What templates see. The contract with the owner's own templates: names are only added.

`templates/README.md` documents these for people who write templates; a test keeps
the two together. Every `Markup` here was made by us from sanitised HTML; every
`str` is data, which the templates escape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

from markupsafe import Markup

from digestd.core.language import Direction, direction_of
from digestd.core.pictures import Pictures
from digestd.delivery.body import chat_html, mail_html, mail_text
from digestd.formats.tokens import Token
from digestd.frozen import dataclass, field

CONTEXT_VERSION = 1


class Body:
    """An entry's text in its three forms, and its language, each found when it is asked for."""

    def __init__(
        self,
        tokens: Sequence[Token],
        plain: str = "",
        pictures: Pictures | None = None,
        language: Callable[[], str] = str,
    ) -> None:
        """`plain` are the tokens as text."""
        self._tokens = tokens
        self._plain = plain
        self._pictures = pictures
        self._language = language

    @cached_property
    def language(self) -> str:
        """As it is declared, or as it looks."""
        return self._language()

    @property
    def direction(self) -> Direction:
        """Of that language."""
        return direction_of(self.language)

    @cached_property
    def html(self) -> Markup:
        """As in mails."""
        return mail_html(self._tokens, self._pictures, direction=self.direction)

    @cached_property
    def text(self) -> str:
        """As in text."""
        return mail_text(self._plain)

    @cached_property
    def chat(self) -> Markup:
        """As in chats."""
        return chat_html(self._tokens)


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry as it is shown."""

    title: str  # one line, formulas in their Unicode form; never empty
    title_html: Markup  # the same, formulas as HTML where HTML can say them
    link: str  # never empty: its own, else its feed's page
    when: str  # "Yesterday at 21:40", "6 days ago"
    published_at: datetime  # in the owner's zone; when it was seen, if nobody said more
    reading: str  # "6 min"; empty where there is nothing to read
    source: str  # the feed's name, where the heading above does not say it
    author: str  # empty where it would only repeat the feed
    host: str  # of the link, where it is not the feed's own
    media: str  # "43 min · 62 MB · mp3"; empty without a file
    media_link: str
    facts: tuple[str, ...]  # source, when, "updated", reading, author, host: those that are there
    also: str  # "also in A and B": others that tell the same story; empty if nobody does
    also_html: Markup  # the same, with links to theirs
    marks: tuple[str, ...]  # "already on your phone 21:40", "could not reach phone"
    is_lead: bool = False  # the one that stands out
    is_cut: bool = False  # there is more behind the link
    goes_on: bool = False  # so much of it is shown that one would read on: worth a link
    image: str = ""  # the `src` of a small picture, 116 px wide; empty: none
    image_height: int = 0  # 0: not known
    _body: Body = field(default_factory=lambda: Body(()))

    @property
    def language(self) -> str:
        """BCP 47; empty: unknown."""
        return self._body.language

    @property
    def direction(self) -> Direction:
        """Of that language."""
        return self._body.direction

    @property
    def html(self) -> Markup:
        """The excerpt, or the whole, with styles inline; empty where titles suffice."""
        return self._body.html

    @property
    def text(self) -> str:
        """The same as text, in lines of at most 76 columns."""
        return self._body.text

    @property
    def chat(self) -> Markup:
        """The same as the small HTML that chats understand."""
        return self._body.chat


@dataclass(frozen=True, slots=True)
class FoldView:
    """Entries of a busy feed that are only counted."""

    text: str  # "and 23 more", "and 23 more from Tool Releases"
    link: str  # the feed's page; may be empty


@dataclass(frozen=True, slots=True)
class GroupView:
    """Entries under one heading: a feed's, a tag's, or all of them under none."""

    name: str  # of the feed or the tag; empty where nothing is grouped
    link: str  # the feed's page; may be empty
    initial: str  # one sign, for the tile beside the name
    colour: str  # of the tile, "#rrggbb"; the same for the same feed
    count: str  # "4 new"
    told: tuple[EntryView, ...]  # with their text
    listed: tuple[EntryView, ...]  # by title
    folded: tuple[EntryView, ...]  # only counted in HTML; complete in the text
    folds: tuple[FoldView, ...]  # how they are counted, one line for each busy feed
    language: str
    direction: Direction
    is_row: bool = False  # shown as a row of the table at the end: many feeds, titles alone
    is_dense: bool = False  # so many entries that every byte of markup counts
    icon: str = ""  # the `src` of the feed's icon, 24 px; empty: show `initial` on `colour`

    @property
    def more(self) -> str:
        """Return what is folded in one line, empty if nothing is."""
        return "; ".join(fold.text for fold in self.folds)

    @property
    def entries(self) -> tuple[EntryView, ...]:
        """Return all of them, in order."""
        return self.told + self.listed + self.folded


@dataclass(frozen=True, slots=True)
class Frame:
    """What every message has around its contents."""

    version: int
    language: str
    direction: Direction
    title: str  # of the message, one line
    now: datetime  # in the owner's zone
    date: str  # in full: "Tuesday, 24 November 2026"
    _preheader: Callable[[], str] = str

    @property
    def preheader(self) -> str:
        """What a mail program shows beside the subject."""
        return self._preheader()


@dataclass(frozen=True, slots=True)
class DigestView:
    """Everything that `digest.*` templates see, as `digest`."""

    name: str  # the key in the configuration
    title: str
    summary: str  # "9 new entries from 3 feeds · 14 min"
    slot: datetime  # the slot's time, in the digest's zone
    groups: tuple[GroupView, ...]
    part: int  # which of several mails this is, from 1
    parts: int  # how many there are, where one would be too long for mail programs
    contents: tuple[GroupView, ...]  # for the list of titles above; empty for a short digest
    notes: tuple[str, ...]  # what the owner should know: "Makes up for 3 slots."
    why: str  # why this came
    life: str  # "42 feeds well, 1 failing; arXiv: 3 of 214 by rule"; empty if not known
    pause: str  # how to pause it; may be empty
    pause_link: str  # where that is one click; may be empty
    footer: tuple[str, ...]  # further lines at the very end


@dataclass(frozen=True, slots=True)
class AlertView:
    """Everything that `alert.*` templates see, as `alert`."""

    groups: tuple[GroupView, ...]

    @property
    def entries(self) -> tuple[EntryView, ...]:
        """Return the entries of all groups."""
        return tuple(entry for group in self.groups for entry in group.entries)


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Everything that `notice.*` and `test.*` templates see, as `notice`."""

    title: str
    paragraphs: tuple[str, ...]
    link: str = ""
