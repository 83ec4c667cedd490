"""Who hears of what: channels, digests, tags and feeds, with every name looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from digestd.config import requests
from digestd.config.channels import read_channels
from digestd.config.rules import read_rules
from digestd.config.source import Source
from digestd.config.tables import Reading, Table, dotted
from digestd.config.values import known_as, nearest, parse_first, parse_name, parse_zone
from digestd.core.addresses import USUAL, check_url
from digestd.core.links import RSSHUB
from digestd.core.models import (
    Channel,
    ContentLevel,
    Digest,
    FirstFetch,
    Grouping,
    SameStory,
    Subscription,
    UpdatePolicy,
)
from digestd.core.parsed import MathMode, PageSelectors
from digestd.core.pictures import IMAGE_BUDGET, ImageMode
from digestd.core.rules import Rules
from digestd.core.selectors import parse_selector
from digestd.core.slots import Schedule
from digestd.frozen import dataclass, field

T = TypeVar("T")

_CONTENT: Mapping[str, ContentLevel] = {"excerpt": "excerpt", "full": "full", "title": "title"}
_GROUPING: Mapping[str, Grouping] = {"feed": "feed", "tag": "tag", "none": "none"}
_IMAGES: Mapping[str, ImageMode] = {"attach": "attach", "link": "link", "off": "off"}
_MATH: Mapping[str, MathMode] = {"auto": "auto", "on": "on", "off": "off"}
_SAME_STORY: Mapping[str, SameStory] = {"link": "link", "alike": "alike", "off": "off"}
_UPDATES: dict[str, UpdatePolicy] = {"ignore": "ignore", "digest": "digest", "alert": "alert"}


@dataclass()
class Following:
    """What `read` found."""

    channels: dict[str, Channel]
    digests: dict[str, Digest]
    subscriptions: list[Subscription]
    tag_requests: dict[str, requests.Asked]
    rules: Rules = field(default_factory=Rules)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Names:
    """The names that may be referred to; those of things that are wrong in themselves too."""

    channels: tuple[str, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class _Wants:
    """What a feed or a tag says; None: nothing."""

    alert: tuple[str, ...] | None = None
    digest: tuple[str, ...] | None = None
    first: FirstFetch | None = None
    updates: UpdatePolicy | None = None
    interval: timedelta | None = None
    content: ContentLevel | None = None
    full_text: str | None = None
    math: MathMode | None = None
    macros: tuple[tuple[str, str], ...] | None = None
    asked: requests.Asked = requests.NOTHING
    page: PageSelectors | None = None


# Keys of a feed's own; by all others feeds are alike, or not.
_ITS_OWN = frozenset(("url", "id", "name", "opml"))


def read(
    top: Table, more: Iterable[Source], reading: Reading, zone: ZoneInfo, *, rsshub: str = ""
) -> Following:
    """Return what the owner follows, from the configuration `top` and files of feeds alone.

    `rsshub` is the address that routes of `rsshub://` are relative to.
    """
    channels = dict(read_channels(top))
    digest_tables = dict(top.named("digests"))
    names = _Names(tuple(channels), tuple(digest_tables))
    digests = {name: _digest(name, it, zone, names) for name, it in digest_tables.items()}
    tags = {name: _wants(it, names) for name, it in top.named("tags")}
    feeds, doubles = _Feeds(reading, names, tags, digests, rsshub), _Doubles()
    subscriptions = []
    for row in chain(top.rows("feeds"), *(_feeds_alone(source, reading) for source in more)):
        one = feeds.read(row)
        doubles.refuse(row, one)
        subscriptions.append(one)
    rules, doubts = read_rules(
        top,
        names.channels,
        digests,
        {name: (wants.alert or (), wants.digest or ()) for name, wants in tags.items()},
        subscriptions,
    )
    given = {rule.tag for rule in rules.rules if rule.tag}
    used = {*tags, *given, *(tag for one in subscriptions for tag in one.tags)}
    warnings = [_look_up_tags(digest_tables[name], it, used) for name, it in digests.items()]
    asked = {name: wants.asked for name, wants in tags.items()}
    warnings = [one for one in (*warnings, *doubts) if one]
    return Following(channels, digests, subscriptions, asked, rules, warnings)


# --- channels and digests --------------------------------------------------------------


def _digest(name: str, table: Table, zone: ZoneInfo, names: _Names) -> Digest:
    if "when" not in table:
        table.complain("when", 'is missing: "08:00" every day, "mon-fri 08:00", "manual" …')
    to = _channel_names(table, "to", names) or ()
    if not to and not table.raw.get("to"):
        table.complain("to", "is missing: the channels that it is sent to")
    return Digest(
        name=name,
        schedule=table.parsed_words("when", Schedule.parse, Schedule()),
        zone=table.parsed("timezone", parse_zone, zone),
        to=to,
        tags=table.words("tags", ()),
        at_least=table.number("at_least", 1, low=0, high=10_000),
        max_wait=table.duration("max_wait", timedelta(days=7)),
        content=table.choice("content", _CONTENT, "excerpt"),
        group=table.choice("group", _GROUPING, "feed"),
        same_story=table.choice("same_story", _SAME_STORY, "link"),
        images=table.choice("images", _IMAGES, "attach"),
        image_budget=table.size("image_budget", IMAGE_BUDGET),
        template=table.parsed("template", _parse_template, "digest"),
        subject=table.text("subject", "", verbatim=True),
        title=table.text("title", "") or name,
    )


def _parse_template(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,63}", text):
        raise ValueError(f'"{text:.64}" is no template name: "digest" is templates/digest.html.j2')
    return text


def _look_up_tags(table: Table, digest: Digest, used: set[str]) -> str:
    """Complain of a tag that looks misspelt; return a warning of one that no feed has (yet)."""
    lonely = [tag for tag in digest.tags if tag not in used]
    misspelt = {tag: hint for tag in lonely if (hint := nearest(tag, used))}
    for tag, hint in misspelt.items():
        table.complain("tags", f'no feed has the tag "{tag}"{hint}')
    rest = [f'"{tag}"' for tag in lonely if tag not in misspelt]
    # Not an error: the first such feed may be added tomorrow, or the last one be gone.
    return f"{dotted(table.path)}.tags: no feed has the tag {', '.join(rest)}" if rest else ""


# --- tags and feeds --------------------------------------------------------------------


def _wants(table: Table, names: _Names) -> _Wants:
    return _Wants(
        alert=_channel_names(table, "alert", names),
        digest=table.names("digest", names.digests, "digest"),
        first=table.parsed("first", parse_first, None),
        updates=table.choice("updates", _UPDATES, None),
        interval=table.duration("interval", None, high=timedelta(days=366)),
        content=table.choice("content", _CONTENT, None),
        full_text=_full_text(table),
        math=table.choice("math", _MATH, None),
        macros=_macros(table),
        asked=requests.read(table),
        page=_page(table),
    )


def _page(table: Table) -> PageSelectors | None:
    """Return the selectors of a page without a feed."""
    pairs = table.pairs("page")
    if pairs is None:
        return None
    known = list(PageSelectors.__match_args__)
    for name, selector in pairs:
        if name not in known:
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            table.complain("page", f'has no key "{name}"{hint}')
            return None
        try:
            parse_selector(selector)
        except ValueError as exc:
            table.complain("page", f"{name} {exc}")
            return None
    if not dict(pairs).get("entry"):
        table.complain("page", 'needs an entry: page = { entry = "article" }')
        return None
    return PageSelectors(**dict(pairs))


def _macros(table: Table) -> tuple[tuple[str, str], ...] | None:
    pairs = table.pairs("macros", verbatim=True)
    for name, _ in pairs or ():
        if not re.fullmatch(r"[A-Za-z]{1,40}", name):
            table.complain("macros", f'"{name:.40}" is no name of a command: letters alone')
            return None
    return pairs


def _full_text(table: Table) -> str | None:
    """Return "auto" for true, "" for false, else the selector that is written there."""
    if isinstance(table.raw.get("full_text"), bool):
        return "auto" if table.flag("full_text", default=False) else ""
    return table.parsed("full_text", parse_selector, None)


def _channel_names(table: Table, key: str, names: _Names) -> tuple[str, ...] | None:
    return table.names(key, names.channels, "channel", elsewhere=("digest", names.digests))


def _feeds_alone(source: Source, reading: Reading) -> Iterable[Table]:
    """Return the feeds of a file that may hold nothing else."""
    top = Table(source, reading, "", (), {"feeds": source.data.get("feeds", [])})
    for key in source.data.keys() - {"feeds"}:
        top.complain(key, f"{source.path.name} holds [[feeds]] alone; this belongs beside it")
    return top.rows("feeds")


class _Feeds:
    """Reads feeds. Tags and wishes are read, and thought through, once for all that are alike."""

    def __init__(
        self,
        reading: Reading,
        names: _Names,
        tags: Mapping[str, _Wants],
        digests: Mapping[str, Digest],
        rsshub: str,
    ) -> None:
        self._reading = reading
        self._names = names
        self._tags = tags
        self._digests = digests
        self._rsshub = rsshub
        self._alike: dict[str, Callable[..., Subscription]] = {}

    def read(self, table: Table) -> Subscription:
        """Return the feed that `table` tells of."""
        url, secret_url = _address(table, self._rsshub)
        if "opml" in table:
            table.pairs("opml")  # only `export` has a use for it
        make = self._like(table)
        return make(
            url=url,
            secret_url=secret_url,
            id=table.parsed("id", _parse_id, None),
            name=table.text("name", None) or None,
        )

    def _like(self, table: Table) -> Callable[..., Subscription]:
        """Return what makes feeds that want all that `table` wants."""
        said = repr([said for said in table.raw.items() if said[0] not in _ITS_OWN])
        make = self._alike.get(said)
        if make is None:
            before = len(self._reading.complaints)
            labels = table.parsed_words("tags", _parse_tags, ())
            make = self._maker(_wants(table, self._names), labels)
            if len(self._reading.complaints) == before:  # else each has to be complained of
                self._alike[said] = make
        return make

    def _maker(self, own: _Wants, labels: tuple[str, ...]) -> Callable[..., Subscription]:
        """Return what makes feeds with these wishes and tags, given what tells them apart."""
        wants = [own, *(self._tags[label] for label in labels if label in self._tags)]
        chosen = _first_set(one.digest for one in wants)
        if chosen is None:
            chosen = tuple(
                digest.name
                for digest in self._digests.values()
                if not digest.tags or set(digest.tags) & set(labels)
            )
        return partial(
            Subscription,
            page=_first_set(one.page for one in wants),
            request=requests.combine([one.asked for one in wants]),
            tags=labels,
            alert=_first_set(one.alert for one in wants) or (),
            digests=chosen,
            first=_first_set(one.first for one in wants) or FirstFetch(),
            updates=_first_set(one.updates for one in wants) or "ignore",
            content=_first_set(one.content for one in wants),
            full_text=_first_set(one.full_text for one in wants) or "",
            math=_first_set(one.math for one in wants) or "auto",
            macros=_first_set(one.macros for one in wants) or (),
            interval=_first_set(one.interval for one in wants),
        )


def _address(table: Table, rsshub: str) -> tuple[str, str]:
    """Return what a feed is known by, and what to ask for where that may be a secret."""
    meant = table.text("url", "")
    if not meant:
        if not ("url" in table and table.raw["url"]):
            table.complain("url", "is missing: the address of the feed")
        return "", ""
    asked = meant
    if meant.startswith(RSSHUB):
        if not rsshub:
            reason = 'needs the address of an RSSHub: [poll] rsshub = "http://localhost:1200"'
            table.complain("url", reason)
            return meant, ""
        asked = f"{rsshub}/{meant.removeprefix(RSSHUB).lstrip('/')}"
    problem = check_url(asked)
    if problem:
        table.complain("url", problem)
    known = known_as(str(table.raw["url"]))
    return known, asked if asked != known else ""


def _first_set(values: Iterable[T | None]) -> T | None:
    """Return the feed's own value, else that of the first of its tags that has one."""
    return next((value for value in values if value is not None), None)


def _parse_tags(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(parse_name(word) for word in words)


def _parse_id(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,63}", text) or text == "all":
        raise ValueError(f'"{text:.64}" is no id: letters, digits, "-", "_" and ".", but not "all"')
    return text


class _Doubles:
    """Complains of every feed that is there already, naming the place, not the address."""

    def __init__(self) -> None:
        self._urls: dict[str, Table] = {}
        self._ids: dict[str, Table] = {}

    def refuse(self, row: Table, one: Subscription) -> None:
        """Complain of `one`, which stands in `row`, if there was such a feed before."""
        first = self._urls.setdefault(_comparable(one.url), row) if one.url else row
        if first is not row:
            row.complain("url", f"is that of the feed at {_place(first)} too")
        first = self._ids.setdefault(one.id, row) if one.id else row
        if first is not row:
            row.complain("id", f"is that of the feed at {_place(first)} too")


def _place(row: Table) -> str:
    return f"{row.source.path.name}:{row.source.line(row.path)}"


def _comparable(url: str) -> str:
    """Return `url` with what cannot tell two feeds apart removed: case of the host, fragment."""
    if USUAL.fullmatch(url):
        return url
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url
    return parts._replace(
        scheme=parts.scheme.lower(), netloc=_lower_host(parts.netloc), fragment=""
    ).geturl()


def _lower_host(netloc: str) -> str:
    user, at, host = netloc.rpartition("@")
    return f"{user}{at}{host.lower()}"
