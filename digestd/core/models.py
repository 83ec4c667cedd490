"""The nouns, as values; what a publisher says is in `parsed`, what channels are told in `messages`.

Times are aware UTC datetimes named `..._at`; spans are timedeltas. `pk` is a
row's number in the store; `id` is what users see.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from digestd.core.alerting import Manners
from digestd.core.parsed import Enclosure, MathMode, PageSelectors
from digestd.core.pictures import IMAGE_BUDGET, ImageMode
from digestd.core.rhythm import Rhythm
from digestd.core.slots import Schedule
from digestd.frozen import dataclass, field

# How loud a message is, where a service can tell: "silent" arrives without a sound.
Priority = Literal["silent", "low", "normal", "high", "urgent"]
ContentLevel = Literal["excerpt", "full", "title"]
Grouping = Literal["feed", "tag", "none"]
SameStory = Literal["link", "alike", "off"]
UpdatePolicy = Literal["ignore", "digest", "alert"]


# --- what the owner wants --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FirstFetch:
    """What the first fetch admits (to digests only). `kind` newest uses `count`, since `day`."""

    kind: Literal["none", "all", "newest", "since"] = "none"
    count: int = 0
    day: date | None = None


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a feed is asked, where its owner says so. All of it may be secret."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)  # empty: none; None: that of all feeds
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A feed and what its owner wants of it, defaults of its tags applied.

    `url` is what it is known by, and holds no secret: references are not replaced in it,
    a password is left out. `secret_url` is what to ask for where that differs.
    """

    url: str
    id: str | None = None  # as configured; the store gives one to a feed that has none
    name: str | None = None
    tags: tuple[str, ...] = ()
    alert: tuple[str, ...] = ()  # channel names
    digests: tuple[str, ...] = ()  # digest names, resolved
    first: FirstFetch = FirstFetch()
    updates: UpdatePolicy = "ignore"
    content: ContentLevel | None = None
    math: MathMode = "auto"
    macros: tuple[tuple[str, str], ...] = ()  # of its formulas: name, what it stands for
    full_text: str = ""  # "": the feed's; "auto", or a CSS selector: its entries' pages'
    interval: timedelta | None = None
    secret_url: str = field(default="", repr=False)
    request: RequestOptions = RequestOptions()
    page: PageSelectors | None = None  # None: there is a feed


@dataclass(frozen=True, slots=True)
class Channel:
    """A place where messages go. The URL is a secret: never in a repr, a log or an error."""

    name: str
    url: str = field(repr=False)
    proxy: str = field(default="", repr=False)
    manners: Manners = field(default_factory=Manners)
    prefix: str = ""  # begins every message: some robots demand a keyword
    priority: Priority = "normal"
    threads: bool = False  # mail: the alerts of a feed stand in one thread
    unsubscribe: tuple[str, ...] = ()  # mail: addresses for List-Unsubscribe


@dataclass(frozen=True, slots=True)
class Digest:
    """A message of many entries, as its owner wants it; its slots are `core.slots`' to find."""

    name: str
    schedule: Schedule
    zone: ZoneInfo
    to: tuple[str, ...]  # channel names
    tags: tuple[str, ...] = ()  # only feeds with one of these; none: every feed
    at_least: int = 1  # fewer entries wait for the next slot, at most `max_wait`; 0 sends none too
    max_wait: timedelta = timedelta(days=7)
    content: ContentLevel = "excerpt"
    group: Grouping = "feed"
    same_story: SameStory = "link"  # what makes two entries one story
    images: ImageMode = "attach"
    image_budget: int = IMAGE_BUDGET  # bytes of them in one message
    template: str = "digest"
    subject: str = ""  # a template; empty: made from the titles
    title: str = ""  # what messages call it; the loader puts the name where there is none


@dataclass(frozen=True, slots=True)
class MailServer:
    """The `[mail]` table: the server behind every `mail:` channel."""

    server: str
    port: int | None = None
    security: Literal["starttls", "tls", "none"] | None = None  # None: guessed from the port
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = ""  # `from`


# --- what was seen ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Validators:
    """What a conditional GET sends back, byte for byte (RFC 9110, section 13.1)."""

    etag: str | None = None
    last_modified: str | None = None
    origin: str | None = None  # who gave them, where redirects led elsewhere


@dataclass(frozen=True, slots=True)
class Trial:
    """A change that is believed once `count` good fetches in a row have shown it."""

    value: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """What a feed is watched for: changes on trial, worthless guids, posts missed."""

    moved_to: str = ""  # asked in place of the configured address; adopted after a trial
    moving: Trial = Trial()
    title: Trial = Trial()
    guid_changes: int = 0  # fetches in a row that gave known posts new guids
    flood_at: datetime | None = None  # when new entries were held last
    gap_at: datetime | None = None  # when nothing of the fetch before was listed any more
    gap_wait: timedelta | None = None  # what would have been soon enough


@dataclass(frozen=True, slots=True)
class Patience:
    """What an origin has asked for: nothing before `until`, and requests `gap` apart."""

    origin: str
    until: datetime
    gap: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as the store knows it."""

    pk: int
    id: str
    url: str
    title: str = ""  # the publisher's; the owner's name goes before
    name: str = ""  # the owner's
    home_url: str | None = None
    icon_url: str | None = None
    language: str = ""
    validators: Validators = Validators()
    body_hash: bytes | None = None  # of the last document
    wire_hash: bytes | None = None  # of the last body that said no more than it, as it came
    next_poll_at: datetime | None = None
    last_polled_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_entry_at: datetime | None = None
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    last_error: str = ""
    baseline_at: datetime | None = None  # the first good fetch; before it nothing is new
    gone_at: datetime | None = None
    blocked_until: datetime | None = None  # Retry-After: nobody asks before, not the owner either
    recent_gaps: tuple[float, ...] = ()  # seconds between the newest entries, newest first
    # As the newest document stated them: a 304 does not repeat them, yet they hold.
    ttl: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    listed: int = 0  # entries in it
    # Of a leased feed; elsewhere it is not read from the store.
    rhythm: Rhythm = field(default=Rhythm(), repr=False)
    watch: Watch = Watch()

    @property
    def address(self) -> str:
        """Return where it is asked: where it has moved for good, else where its owner says."""
        return self.watch.moved_to or self.url

    @property
    def label(self) -> str:
        """Return the name to show: the owner's, else the publisher's, else the id."""
        return self.name or self.title or self.id


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the store knows it."""

    id: int
    feed_pk: int
    revision: int
    guid: str | None
    link: str | None
    title: str
    title_html: str
    content_html: str
    summary_html: str
    author: str
    categories: tuple[str, ...]
    published_at: datetime | None  # clamped; None: the publisher gave none that can be true
    updated_at: datetime | None
    seen_at: datetime
    first_fetch: bool
    image_url: str | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str = ""
    rules: tuple[str, ...] = ()  # of the owner's, that held when it was judged last
    is_dropped: bool = False  # by the last of them

    @property
    def dated_at(self) -> datetime:
        """Return when it was published, else when we saw it."""
        return self.published_at or self.seen_at
