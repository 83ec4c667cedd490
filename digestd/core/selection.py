"""Which entries of a digest are shown, in what order and in how much detail.

Pure decisions over what is owed. Nothing is left out silently: what a message has
no room for is in the text part, and counted where it would have stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from digestd.core.models import ContentLevel, Entry, Feed, Grouping
from digestd.frozen import dataclass, field, replace

Member = tuple[Entry, Feed]

DAY = 86400.0
_SELDOM, _REGULAR, _BUSY = 0, 1, 2
_ENOUGH_GAPS = 3  # two posts on one morning are no habit
# Times as many titles of a feed that has the digest to itself, and at most: it buries nobody.
_ALONE, _ALONE_MOST = 8, 200
_BUSY_TOLD = 3  # entries of a busy feed that are more than a title
_LONG = 1500  # bytes of an entry that can carry a digest


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder of detail, from generous to bare."""

    excerpt: int  # letters of each entry's excerpt (of Chinese half as many signs); 0: none
    told: int  # entries of one feed shown with their text …
    listed: int  # … and then by title, before the rest is folded
    whole: int = 0  # characters up to which an entry whose level is "full" is shown whole
    in_all: int = 10**9  # entries shown with their text, of all feeds
    is_dense: bool = False  # feeds without text take as little markup as they can do with


# First excerpts grow shorter, then fewer entries have one, then there are titles alone. What
# is too long even so is split into several mails (`parts`).
LADDER = (
    Rung(excerpt=300, told=20, listed=14, whole=75_000),
    Rung(excerpt=300, told=10, listed=14, whole=15_000),
    Rung(excerpt=300, told=6, listed=14, whole=4_000),
    Rung(excerpt=300, told=6, listed=14),
    Rung(excerpt=200, told=5, listed=12),
    Rung(excerpt=130, told=4, listed=10),
    Rung(excerpt=130, told=3, listed=10, in_all=30),
    Rung(excerpt=130, told=2, listed=12, in_all=16, is_dense=True),
    Rung(excerpt=110, told=1, listed=12, in_all=8, is_dense=True),
    Rung(excerpt=0, told=0, listed=12, is_dense=True),
)

# What is shown of an entry that its owner wants whole, and that is too long for that.
LONG_EXCERPT = 1500

# Bytes of HTML that the built-in templates need around what they show, as measured. A wrong
# guess costs a second rendering, never an oversized mail.
_FRAME, _GROUP, _ROW, _TOLD, _LISTED = 7_000, 1_900, 550, 1_250, 270
_DENSE = 60
_UNEVEN = 1_500  # bytes by which one of several mails may be longer than its share
# More feeds without any text than this are told in rows of one table.
_ROWS_FROM = 9


@dataclass(frozen=True, slots=True)
class Plan:
    """How a digest's owner wants it arranged; `levels` and `tags` are by `Feed.pk`."""

    level: ContentLevel = "excerpt"
    levels: Mapping[int, ContentLevel] = field(default_factory=dict)  # feeds' own, if they differ
    grouping: Grouping = "feed"
    tags: Mapping[int, str] = field(default_factory=dict)  # the one tag that a feed stands under

    def level_of(self, feed: Feed) -> ContentLevel:
        """Return how much of this feed's entries is shown."""
        return self.levels.get(feed.pk, self.level)


@dataclass(frozen=True, slots=True)
class Fold:
    """Entries of a busy feed that are only counted in HTML; complete in the text part."""

    feed: Feed
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading: a feed, a tag, or none at all."""

    feed: Feed | None  # whose they are, if they are one feed's
    tag: str  # under which several feeds stand
    told: tuple[Entry, ...]  # with text
    listed: tuple[Entry, ...]  # by title
    folds: tuple[Fold, ...] = ()
    is_row: bool = False  # a row of a table rather than a section of its own
    is_dense: bool = False  # titles as lines; without text no section of its own

    @property
    def folded(self) -> tuple[Entry, ...]:
        """Return what is only counted."""
        return tuple(entry for fold in self.folds for entry in fold.entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return all of them."""
        return self.told + self.listed + self.folded


@dataclass(frozen=True, slots=True)
class Selection:
    """A digest's contents at one rung: what is shown, what is only counted, the lead."""

    rung: Rung
    groups: tuple[Group, ...]
    feeds: Mapping[int, Feed]  # of all entries, by `Feed.pk`
    lead: int | None  # id of the entry that stands out, if one does

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return every entry of the digest, in order, shown or not."""
        return tuple(entry for group in self.groups for entry in group.entries)


@dataclass(frozen=True, slots=True)
class _Share:
    """One feed's entries, newest first, and how many of them are told and listed."""

    feed: Feed
    entries: tuple[Entry, ...]
    told: int
    listed: int

    @property
    def folds(self) -> tuple[Fold, ...]:
        rest = self.entries[self.told + self.listed :]
        return (Fold(self.feed, rest),) if rest else ()


def select(members: Sequence[Member], rung: Rung, plan: Plan) -> Selection:
    """Return the entries arranged: rare feeds first, then those with the newest entry."""
    by_feed: dict[int, list[Member]] = {}
    for member in members:
        by_feed.setdefault(member[1].pk, []).append(member)
    ordered = sorted(by_feed.values(), key=_importance)
    alone = len(ordered) == 1
    wishes = [_wish(group, rung, plan.level_of(group[0][1]), alone=alone) for group in ordered]
    told = _shared_out(wishes, rung.in_all)
    shares = [
        _share(group, count, min(rung.listed * _ALONE, _ALONE_MOST) if alone else rung.listed)
        for group, count in zip(ordered, told, strict=True)
    ]
    groups = _arranged(shares, plan)
    if rung.is_dense:
        groups = [replace(group, is_dense=True) for group in groups]
        groups.sort(key=lambda group: not group.told)
    elif plan.grouping == "feed" and sum(1 for group in groups if not group.told) >= _ROWS_FROM:
        groups = [replace(group, is_row=not group.told) for group in groups]
        groups.sort(key=lambda group: group.is_row)  # stable: sections, then rows
    feeds = {share.feed.pk: share.feed for share in shares}
    return Selection(rung, tuple(groups), feeds, _lead(groups, feeds, len(members)))


def first_rung(members: Sequence[Member], plan: Plan, budget: int) -> int:
    """Return the index of the most generous rung that should fit `budget` bytes of HTML."""
    for index, rung in enumerate(LADDER):
        if rung.whole and plan.level != "full" and "full" not in plan.levels.values():
            continue
        if estimate(select(members, rung, plan), plan) <= budget:
            return index
    return len(LADDER) - 1


def estimate(selection: Selection, plan: Plan) -> int:
    """Return about how many bytes of HTML a selection makes."""
    return _FRAME + sum(_size(group, selection, plan) for group in selection.groups)


def parts(selection: Selection, plan: Plan, budget: int) -> list[Selection]:
    """Return the selection in parts that should fit `budget` each: as few as can be, and even."""
    whole = estimate(selection, plan) - _FRAME
    count = max(2, -(-whole // (budget - _FRAME)))  # one has been found too long
    room = min(budget - _FRAME, whole // count + _UNEVEN)
    made: list[list[Group]] = [[]]
    left = room
    for group in selection.groups:
        here = replace(group, told=(), listed=(), folds=())
        left -= _heading(group)
        for place, entry in enumerate(group.told + group.listed):
            is_told = place < len(group.told)
            size = _told_size(entry, selection, plan) if is_told else _listed_size(entry, group)
            if size > left and (made[-1] or here.entries):
                made[-1] += [here] if here.entries else []
                made.append([])
                here = replace(here, told=(), listed=())
                left = room - _heading(group)
            if is_told:
                here = replace(here, told=(*here.told, entry))
            else:
                here = replace(here, listed=(*here.listed, entry))
            left -= size
        made[-1].append(replace(here, folds=group.folds))
    return [replace(selection, groups=tuple(groups)) for groups in made if groups]


def _size(group: Group, selection: Selection, plan: Plan) -> int:
    told = sum(_told_size(entry, selection, plan) for entry in group.told)
    return _heading(group) + told + sum(_listed_size(entry, group) for entry in group.listed)


def _heading(group: Group) -> int:
    if group.is_dense and not group.told:
        name = group.feed.label if group.feed else group.tag
        return _DENSE + _bytes(name) + 2 * _DENSE * len(group.folds)
    return _ROW if group.is_row else _GROUP


def _listed_size(entry: Entry, group: Group) -> int:
    link = _bytes(entry.link or "")
    return _bytes(entry.title) + link + (_DENSE if group.is_dense else _LISTED)


def _told_size(entry: Entry, selection: Selection, plan: Plan) -> int:
    rung = selection.rung
    source = entry.content_html or entry.summary_html
    signs = rung.excerpt
    if rung.whole and plan.level_of(selection.feeds[entry.feed_pk]) == "full":
        signs = LONG_EXCERPT if len(source) > rung.whole else len(source)
    # A sign is three bytes at most, where half as many are shown; the rest is markup.
    return _TOLD + _bytes(entry.title) + min(_bytes(source), 2 * signs)


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


def _share(group: list[Member], told: int, listed: int) -> _Share:
    newest_first = sorted(group, key=lambda m: (m[0].dated_at, m[0].id), reverse=True)
    entries = tuple(entry for entry, _ in newest_first)
    if listed and len(entries) - told - listed == 1:
        listed += 1  # "and 1 more" takes as much room as its title
    return _Share(group[0][1], entries, told, listed)


def _arranged(shares: Sequence[_Share], plan: Plan) -> list[Group]:
    """Return the shares under their headings; the most important one leads each of them."""
    if plan.grouping == "feed":
        return [_together([share], share.feed, "") for share in shares]
    if plan.grouping == "none":
        return [_together(shares, None, "")] if shares else []
    by_tag: dict[str, list[_Share]] = {}
    for share in shares:
        by_tag.setdefault(plan.tags.get(share.feed.pk, ""), []).append(share)
    tagged = sorted(by_tag.items(), key=lambda item: not item[0])  # those without a tag last
    return [_together(under, None, tag) for tag, under in tagged]


def _together(shares: Sequence[_Share], feed: Feed | None, tag: str) -> Group:
    def merged(pick: Callable[[_Share], tuple[Entry, ...]]) -> tuple[Entry, ...]:
        found = [(share, entry) for share in shares for entry in pick(share)]
        if feed is None:
            found.sort(
                key=lambda pair: (
                    rhythm(pair[0].feed, len(pair[0].entries)),
                    -pair[1].dated_at.timestamp(),
                    pair[1].id,
                )
            )
        return tuple(entry for _, entry in found)

    return Group(
        feed=feed,
        tag=tag,
        told=merged(lambda share: share.entries[: share.told]),
        listed=merged(lambda share: share.entries[share.told : share.told + share.listed]),
        folds=tuple(fold for share in shares for fold in share.folds),
    )


def _importance(group: list[Member]) -> tuple[int, float, int]:
    """Return a sort key: the feed's rhythm in three steps, then its newest entry."""
    feed = group[0][1]
    newest: datetime = max(entry.dated_at for entry, _ in group)
    return rhythm(feed, len(group)), -newest.timestamp(), feed.pk


def rhythm(feed: Feed, arrived: int) -> int:
    """Return 0 for a feed that writes seldom, 1 for a regular one, 2 for a busy one."""
    if len(feed.recent_gaps) >= _ENOUGH_GAPS:
        gap = _median(feed.recent_gaps)
        return _SELDOM if gap >= 2 * DAY else (_REGULAR if gap >= DAY / 4 else _BUSY)
    return _REGULAR if arrived <= 6 else _BUSY


def _median(numbers: Sequence[float]) -> float:
    """Do what `statistics` does: to load that takes longer than a hundred alerts."""
    ordered, middle = sorted(numbers), len(numbers) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _lead(groups: Sequence[Group], feeds: Mapping[int, Feed], count: int) -> int | None:
    """Return the newest entry of a feed that writes seldom and at length, if others follow it."""
    if count < 3 or not groups or not groups[0].told:
        return None
    entry = groups[0].told[0]
    of = [other for other in groups[0].entries if other.feed_pk == entry.feed_pk]
    stands_out = rhythm(feeds[entry.feed_pk], len(of)) == _SELDOM and len(of) <= 4
    return entry.id if stands_out and _bytes(entry.content_html) >= _LONG else None
