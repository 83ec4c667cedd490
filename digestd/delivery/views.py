"""Entries and feeds as templates see them: words chosen, text cut, HTML made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from zlib import crc32

import regex
from markupsafe import Markup

from digestd.core.language import direction_of, language_of
from digestd.core.messages import MessageEntry
from digestd.core.models import Entry, Feed
from digestd.core.parsed import Enclosure
from digestd.core.pictures import Pictures
from digestd.core.selection import LONG_EXCERPT, Fold, Group, Member, Plan, Selection
from digestd.core.text import one_line
from digestd.delivery.body import title_html
from digestd.delivery.context import Body, EntryView, FoldView, GroupView
from digestd.delivery.words import Words
from digestd.formats.borders import clusters, count_unspaced
from digestd.formats.excerpt import beginning, shorten, whole
from digestd.formats.tokens import Token, as_text, runs

# A title is one line in a list of messages; nobody reads on beyond this.
MAX_TITLE = 160
_LEAD_FACTOR = 1.7
_ALSO_NAMED = 6  # who else has a story; what a hundred feeds repeat needs no hundred names
_TAG = re.compile(r"<[^>]{0,2000}>")
# Words a minute for scripts with blanks, signs a minute for those without.
_WORDS_A_MINUTE, _SIGNS_A_MINUTE = 230, 420
_DENSE = regex.compile("[\u3040-\u9fff\uac00-\ud7a3]+")  # `re` takes long to compile it
# Calm tones of one strength, for the tile that stands for a feed.
_TONES = ("#8a3b2a", "#2f5d62", "#5b4b7a", "#3d5a80", "#6b6b2d", "#7a4a63", "#4a6b4a", "#80592d")
# What is asked of a feed for each of its alerts.
_of_a_few_feeds = lru_cache(maxsize=1024)
_language_of_name = _of_a_few_feeds(language_of)


class Views:
    """Makes views in one language, for one moment."""

    def __init__(
        self,
        words: Words,
        now: datetime,
        marks: Mapping[int, Sequence[str]] | None = None,
        also: Mapping[int, Sequence[Member]] | None = None,
        pictures: Pictures | None = None,
    ) -> None:
        """`marks`: what is said beside an entry, by its id; `also`: who else tells its story."""
        self.words = words
        self.now = now
        self._marks = marks or {}
        self._also = also or {}
        self._pictures = pictures or Pictures()
        self._titles: dict[int, str] = {}  # by entry

    def title(self, entry: Entry, feed: Feed) -> str:
        """Return one line that names an entry: its title, else how it begins, else its feed."""
        title = self._titles.get(entry.id)
        if title is None:
            title = self._titles[entry.id] = _title_of(entry, feed)
        return title

    def facts(self, entry: Entry, feed: Feed) -> MessageEntry:
        """Return an entry as a message carries it for channels that pass on facts."""
        return facts_of(entry, feed, self.title(entry, feed))

    def groups(self, selection: Selection, plan: Plan) -> tuple[GroupView, ...]:
        """Return the entries under their headings."""
        return tuple(self.group(group, selection, plan) for group in selection.groups)

    def group(self, group: Group, selection: Selection, plan: Plan) -> GroupView:
        """Return what stands under one heading."""
        rung, feed, words = selection.rung, group.feed, self.words
        authors = {entry.author for entry in group.entries if entry.author}

        def views(
            entries: Sequence[Entry], signs: int, *, is_shown: bool = True
        ) -> tuple[EntryView, ...]:
            return tuple(
                self.entry(
                    entry,
                    selection.feeds[entry.feed_pk],
                    signs=int(signs * _LEAD_FACTOR) if entry.id == selection.lead else signs,
                    whole_to=rung.whole
                    if plan.level_of(selection.feeds[entry.feed_pk]) == "full"
                    else 0,
                    is_lead=entry.id == selection.lead,
                    is_shown=is_shown,
                    with_author=len(authors) > 1,
                    with_source=feed is None,
                )
                for entry in entries
            )

        name = one_line(feed.label) if feed else self._heading(group, plan)
        language = _language_of_name(name, feed.language if feed else words.language)
        n = len(group.entries)
        return GroupView(
            name=name,
            link=safe_link(feed.home_url) if feed else "",
            initial=_initial(name),
            colour=_TONES[crc32((feed.id if feed else name).encode()) % len(_TONES)],
            count=words.count("{n} new", "{n} new", n),
            told=views(group.told, rung.excerpt),
            listed=views(group.listed, 0),
            folded=views(group.folded, 0, is_shown=False),
            folds=tuple(self._fold(fold, with_name=feed is None) for fold in group.folds),
            language=language,
            direction=direction_of(language),
            is_row=group.is_row,
            is_dense=group.is_dense,
            icon=self._icon(group),
        )

    def _icon(self, group: Group) -> str:
        """Return the icon of a feed that has a section of its own."""
        if group.feed is None or not group.told:
            return ""
        icon = self._pictures.icon(group.feed.pk)
        return icon.source if icon else ""

    def _heading(self, group: Group, plan: Plan) -> str:
        if plan.grouping == "none":
            return ""
        return one_line(group.tag) or self.words.say("Other feeds")

    def _fold(self, fold: Fold, *, with_name: bool) -> FoldView:
        n, link = len(fold.entries), safe_link(fold.feed.home_url)
        if not with_name:
            return FoldView(self.words.count("and {n} more", "and {n} more", n), link)
        text = self.words.count(
            "and {n} more from {feed}",
            "and {n} more from {feed}",
            n,
            feed=one_line(fold.feed.label),
        )
        return FoldView(text, link)

    def entry(
        self,
        entry: Entry,
        feed: Feed,
        *,
        signs: int,
        whole_to: int = 0,
        is_lead: bool = False,
        is_shown: bool = True,
        with_author: bool = True,
        with_source: bool = False,
    ) -> EntryView:
        """Return one entry, its text cut to `signs`; 0 for its title alone.

        Not `is_shown`: only the text form has it, so no picture goes along for it.
        """
        pictures = self._pictures if is_shown else Pictures()
        words = self.words
        source = entry.content_html or entry.summary_html
        tokens, is_cut = _body(entry, signs, whole_to) if signs else ([], False)
        title = self.title(entry, feed)
        titled = runs(entry.title_html) if entry.title_html and one_line(entry.title) else []
        text = as_text(tokens)
        is_said = text.rstrip("…").startswith(title.rstrip("…")) and len(text) <= len(title) + 1
        if is_said and not titled:
            tokens, text = [], ""
        link = link_of(entry, feed)
        when = words.when(entry.dated_at, self.now)
        updated = words.say("updated") if entry.revision > 1 else ""
        minutes = reading_minutes(source)
        reading = words.minutes(minutes) if minutes else ""
        name = one_line(feed.label) if with_source else ""
        author = shorten(one_line(entry.author), 60) if with_author else ""
        author = "" if author.casefold() == feed.label.casefold() else author
        host = _host(link)
        host = "" if host == _host(feed.home_url or feed.url) or not entry.link else host
        media = entry.enclosures[0] if entry.enclosures else None
        others = self._also.get(entry.id, ())
        told_of = [entry.id, *(other.id for other, _ in others)]
        others = others[:_ALSO_NAMED]
        has_own = any(token.kind == "image" for token in tokens)
        image = pictures.thumbnail(entry.id) if signs and not has_own else None
        return EntryView(
            title=title,
            title_html=title_html(titled, pictures) if titled else Markup.escape(title),
            link=link,
            _body=Body(
                tokens,
                text,
                pictures,
                lambda: language_of(
                    f"{title} {text[:400]}" if tokens else title, entry.language, feed.language
                ),
            ),
            when=when,
            published_at=entry.dated_at.astimezone(words.zone),
            reading=reading,
            source=name,
            author=author,
            host=host,
            media=self._media(media) if media else "",
            media_link=safe_link(media.url) if media else "",
            facts=tuple(filter(None, (name, when, updated, reading, author, host))),
            also=self._also_in([one_line(other.label) for _, other in others]),
            also_html=self._also_links(others),
            marks=tuple(
                dict.fromkeys(one_line(m) for one in told_of for m in self._marks.get(one, ()))
            ),
            is_lead=is_lead,
            is_cut=is_cut,
            goes_on=is_cut and (is_lead or whole_to > 0),
            image=image.source if image else "",
            image_height=image.height if image and not image.url else 0,
        )

    def _also_in(self, names: Sequence[str]) -> str:
        return self.words.say("also in {feeds}", feeds=self.words.joined(names)) if names else ""

    def _also_links(self, others: Sequence[Member]) -> Markup:
        """Return "also in A and B" with a link to each."""
        if not others:
            return Markup()
        # The words around a name are text; a private sign keeps the place of each link.
        places = [chr(0xE000 + n) for n in range(len(others))]
        said = Markup.escape(self._also_in(places))
        for place, (entry, feed) in zip(places, others, strict=True):
            link = Markup('<a class="mut" href="{}" style="color:#74777d">{}</a>').format(
                link_of(entry, feed), one_line(feed.label)
            )
            said = said.replace(place, link)
        return said

    def _media(self, media: Enclosure) -> str:
        parts = [
            self.words.length(media.duration) if media.duration else "",
            self.words.size(media.size_bytes) if media.size_bytes else "",
            _media_kind(media),
        ]
        return " · ".join(filter(None, parts))


def _title_of(entry: Entry, feed: Feed) -> str:
    title = one_line(entry.title)
    if title:
        return shorten(title, MAX_TITLE)
    text = as_text(beginning(entry.content_html or entry.summary_html, 80))
    return one_line(text) or one_line(feed.label)


def link_of(entry: Entry, feed: Feed) -> str:
    """Return where an entry is to be read: its own page, its file, its feed's page."""
    files = [enclosure.url for enclosure in entry.enclosures[:1]]
    candidates = (entry.link, *files, feed.home_url, feed.url)
    return next(filter(None, map(safe_link, candidates)), "")


def safe_link(url: str | None) -> str:
    """Return a web address, or nothing: a link in a mail is http or https, on one line."""
    url = (url or "").strip()
    is_web = url[:8].lower().startswith(("http://", "https://"))
    return "" if not is_web or re.search(r"[\s\x00-\x1f\x7f]", url) else url


def facts_of(entry: Entry, feed: Feed, title: str = "") -> MessageEntry:
    """Return an entry, whose title may be known, as `Views.facts` does."""
    return MessageEntry(
        id=entry.id,
        feed=feed.id,
        feed_name=one_line(feed.label),
        title=title or _title_of(entry, feed),
        link=link_of(entry, feed),
        published_at=entry.published_at,
        seen_at=entry.seen_at,
    )


def reading_minutes(html: str) -> int:
    """Return how long a text takes to read, in minutes; 0 where it is hardly more than a note."""
    text = _TAG.sub(" ", html[:400_000])
    signs = 0 if text.isascii() else count_unspaced(text)
    minutes = signs / _SIGNS_A_MINUTE + (len(text.split()) if signs * 4 < len(text) else 0) / (
        _WORDS_A_MINUTE
    )
    return round(minutes) if minutes >= 0.75 else 0


def _body(entry: Entry, signs: int, whole_to: int) -> tuple[list[Token], bool]:
    source = entry.content_html or entry.summary_html
    if whole_to and len(source) <= whole_to:
        return whole(source), False
    if whole_to:
        signs = LONG_EXCERPT
    # A Chinese sign says, and takes, as much as two letters and more.
    if _is_dense(source):
        signs = round(signs * 0.55)
    tokens = beginning(source, signs)
    shown = sum(token.cost for token in tokens)
    if len(tokens) > 1 and tokens[-1].text == "…" and tokens[-2].kind in ("display", "pre"):
        tokens.pop()  # three dots alone on a line of their own
    return tokens, len(source) > shown * 1.5 + 40


def _is_dense(source: str) -> bool:
    sample = source[:1500]
    return not sample.isascii() and len("".join(_DENSE.findall(sample))) > 60


@_of_a_few_feeds
def _initial(name: str) -> str:
    sign = next((c for c in clusters(name) if c[0].isalnum()), "·")
    return sign.upper() if len(sign.upper()) == 1 else sign


@_of_a_few_feeds
def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")[:60]


def _media_kind(media: Enclosure) -> str:
    """Return what a file is in one short word: its ending, else the second half of its type."""
    try:
        suffix = PurePosixPath(urlsplit(media.url).path).suffix[1:].lower()
    except ValueError:
        suffix = ""
    if re.fullmatch(r"[a-z0-9]{2,4}", suffix):
        return suffix
    kind = media.mime_type.partition(";")[0].rpartition("/")[2].lower()
    kind = {"mpeg": "mp3", "x-m4a": "m4a", "quicktime": "mov"}.get(kind, kind)
    return kind if re.fullmatch(r"[a-z0-9]{2,8}", kind) else ""
