"""Which entries of a digest are shown, in what order and in how much detail.

Pure decisions over what is owed. Nothing is left out silently: what a message has
no room for is in the text part, and counted where it would have stood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from digestd.core.models import ContentLevel, Entry, Feed

Member = tuple[Entry, Feed]

DAY = 86400.0
_SELDOM, _REGULAR, _BUSY = 0, 1, 2
_BUSY_TOLD = 3  # entries of a busy feed that are more than a title
_LONG = 1500  # bytes of an entry that can carry a digest


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder of detail, from generous to bare."""

    excerpt: int  # letters of each entry's excerpt (of Chinese half as many signs); 0: none
    told: int  # entries of one feed shown with their text …
    listed: int  # … and then by title, before the rest is folded
    whole: bool = False  # entries whose level is "full" are shown whole
    in_all: int = 10**9  # entries shown with their text, of all feeds
    groups: int = 10**9  # feeds shown at all; the rest is counted in one line


# First excerpts grow shorter, then fewer entries have one, then there are titles alone,
# then more of them are folded.
LADDER = (
    Rung(excerpt=300, told=6, listed=14, whole=True),
    Rung(excerpt=300, told=6, listed=14),
    Rung(excerpt=200, told=5, listed=12),
    Rung(excerpt=130, told=4, listed=10),
    Rung(excerpt=130, told=3, listed=7, in_all=30),
    Rung(excerpt=110, told=2, listed=4, in_all=15),
    Rung(excerpt=0, told=0, listed=4),
    Rung(excerpt=0, told=0, listed=2, groups=100),
    Rung(excerpt=0, told=0, listed=1, groups=60),
)

# Bytes of HTML that the built-in templates need around what they show, as measured. A wrong
# guess costs a second rendering, never an oversized mail.
_FRAME, _GROUP, _ROW, _TOLD, _LISTED = 7_000, 1_900, 550, 1_250, 330
# More feeds without any text than this are told in rows of one table.
_ROWS_FROM = 9


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one feed, newest first."""

    feed: Feed
    told: tuple[Entry, ...]  # with text
    listed: tuple[Entry, ...]  # by title
    folded: tuple[Entry, ...]  # counted; complete in the text part
    is_row: bool = False  # a row of a table rather than a section of its own

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return all of them."""
        return self.told + self.listed + self.folded


@dataclass(frozen=True, slots=True)
class Selection:
    """A digest's contents at one rung: what is shown, what is only counted, the lead."""

    rung: Rung
    groups: tuple[Group, ...]
    beyond: tuple[Group, ...]  # feeds that found no room, all their entries folded
    lead: int | None  # id of the entry that stands out, if one does

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return every entry of the digest, in order, shown or not."""
        return tuple(entry for group in self.groups + self.beyond for entry in group.entries)


def select(
    members: Sequence[Member], rung: Rung, levels: Mapping[int, ContentLevel], level: ContentLevel
) -> Selection:
    """Return the entries grouped by feed: rare feeds first, then those with the newest entry.

    `levels` are the feeds' own levels of content, by `Feed.pk`; `level` is the digest's.
    """
    by_feed: dict[int, list[Member]] = {}
    for member in members:
        by_feed.setdefault(member[1].pk, []).append(member)
    ordered = sorted(by_feed.values(), key=_importance)
    wishes = [
        _wish(group, rung, levels.get(group[0][1].pk, level), alone=len(ordered) == 1)
        for group in ordered
    ]
    told = _shared_out(wishes[: rung.groups], rung.in_all)
    groups = [
        _group(group, count, rung.listed * (2 if len(ordered) == 1 else 1))
        for group, count in zip(ordered, told, strict=False)
    ]
    if sum(1 for group in groups if not group.told) >= _ROWS_FROM:
        groups = [replace(group, is_row=not group.told) for group in groups]
        groups.sort(key=lambda group: group.is_row)  # stable: sections, then rows
    beyond = tuple(_group(group, 0, 0) for group in ordered[rung.groups :])
    return Selection(rung, tuple(groups), beyond, _lead(groups, len(members)))


def first_rung(
    members: Sequence[Member],
    levels: Mapping[int, ContentLevel],
    level: ContentLevel,
    budget: int,
) -> int:
    """Return the index of the most generous rung that should fit `budget` bytes of HTML."""
    for index, rung in enumerate(LADDER):
        if index == 0 and level != "full" and "full" not in levels.values():
            continue
        selection = select(members, rung, levels, level)
        if estimate(selection, levels, level) <= budget:
            return index
    return len(LADDER) - 1


def estimate(selection: Selection, levels: Mapping[int, ContentLevel], level: ContentLevel) -> int:
    """Return about how many bytes of HTML a selection makes."""
    rung, total = selection.rung, _FRAME
    for group in selection.groups:
        is_whole = rung.whole and levels.get(group.feed.pk, level) == "full"
        total += _ROW if group.is_row else _GROUP
        total += sum(_LISTED + _bytes(entry.title) for entry in group.listed)
        for entry in group.told:
            body = _bytes(entry.content_html or entry.summary_html)
            # A sign is three bytes at most, where half as many are shown; the rest is markup.
            total += _TOLD + _bytes(entry.title)
            total += body if is_whole else min(body, 2 * rung.excerpt)
    return total


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _wish(group: list[Member], rung: Rung, level: ContentLevel, *, alone: bool) -> int:
    """Return how many of a feed's entries deserve their text."""
    if level == "title":
        return 0
    if alone:  # nothing can be buried where there is one feed
        return min(len(group), rung.told * 2)
    is_busy = rhythm(group[0][1], len(group)) == _BUSY and len(group) > _BUSY_TOLD + 2
    return min(len(group), rung.told, _BUSY_TOLD if is_busy else rung.told)


def _shared_out(wishes: list[int], in_all: int) -> list[int]:
    """Return what each gets of `in_all`: first one for each, in order, then a second …"""
    given = [0] * len(wishes)
    left = in_all
    for turn in range(max(wishes, default=0)):
        for at, wish in enumerate(wishes):
            if wish > turn and left > 0:
                given[at] += 1
                left -= 1
    return given


def _group(group: list[Member], told: int, listed: int) -> Group:
    newest_first = sorted(group, key=lambda m: (m[0].dated_at, m[0].id), reverse=True)
    entries = tuple(entry for entry, _ in newest_first)
    end = told + listed
    if listed and len(entries) - end == 1:
        end += 1  # "and 1 more" takes as much room as its title
    return Group(group[0][1], entries[:told], entries[told:end], entries[end:])


def _importance(group: list[Member]) -> tuple[int, float, int]:
    """Return a sort key: the feed's rhythm in three steps, then its newest entry."""
    feed = group[0][1]
    newest: datetime = max(entry.dated_at for entry, _ in group)
    return rhythm(feed, len(group)), -newest.timestamp(), feed.pk


def rhythm(feed: Feed, arrived: int) -> int:
    """Return 0 for a feed that writes seldom, 1 for a regular one, 2 for a busy one."""
    if feed.recent_gaps:
        gap = median(feed.recent_gaps)
        return _SELDOM if gap >= 2 * DAY else (_REGULAR if gap >= DAY / 4 else _BUSY)
    return _REGULAR if arrived <= 6 else _BUSY


def _lead(groups: Sequence[Group], count: int) -> int | None:
    """Return the newest entry of a feed that writes seldom and at length, if others follow it."""
    if count < 3 or not groups or not groups[0].told:
        return None
    first, entry = groups[0], groups[0].told[0]
    stands_out = rhythm(first.feed, len(first.entries)) == _SELDOM and len(first.entries) <= 4
    return entry.id if stands_out and _bytes(entry.content_html) >= _LONG else None
